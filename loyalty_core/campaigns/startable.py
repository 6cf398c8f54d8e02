"""What must be there before a campaign may run: consent, usable texts, channels that are set up, and its offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.campaigns.contact import ContactColumns
from loyalty_core.campaigns.errors import BadCampaign

if TYPE_CHECKING:
    from loyalty_core.campaigns.campaign import Campaign
    from loyalty_core.campaigns.definition import Definition
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.offers import OfferCatalog


def require_startable(
    campaign: Campaign, settings: Settings, store: StateStore, warehouse: Warehouse, offers: OfferCatalog
) -> None:
    """Raise `ConsentUnknown`, `BadTemplate`, `BadCampaign` or `SettingsError` for the first thing that is missing."""
    definition = campaign.definition
    require_consent(definition, settings, warehouse)
    _require_templates(definition, warehouse)
    if not campaign.is_simulated:  # simulated messages go to the log alone
        _require_channels(definition, settings, store)
    _require_offers(definition, offers)


def require_consent(definition: Definition, settings: Settings, warehouse: Warehouse) -> None:
    """Raise `ConsentUnknown` where the channels need consent and nothing says who consented."""
    columns = ContactColumns.of(settings, warehouse.features.columns.keys())
    columns.require_consent(definition.channels.use)


def _require_templates(definition: Definition, warehouse: Warehouse) -> None:
    from loyalty_core.campaigns.sending.templates import require_usable  # noqa: PLC0415 -- loads Liquid

    messages = [variant.messages.get(channel) for variant in definition.variants for channel in definition.channels.use]
    texts = [text for message in messages if message for text in (message.subject, message.body)]
    require_usable(texts, warehouse.features.columns.keys())


def _require_channels(definition: Definition, settings: Settings, store: StateStore) -> None:
    from loyalty_core.campaigns.sending.readiness import require_channels  # noqa: PLC0415 -- loads HTTP clients

    require_channels(settings, store, definition.channels.use)


def _require_offers(definition: Definition, offers: OfferCatalog) -> None:
    known = offers.get()
    unknown = [offer for offer in definition.offer_ids if offer not in known] if known else []
    if unknown:
        raise BadCampaign(
            f"There is no offer {unknown[0]} in the warehouse.",
            "The campaign would send it.",
            "Choose one of the offers there.",
        )
