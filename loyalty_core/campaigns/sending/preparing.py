"""What a sender needs for the messages that it claimed, read afresh: campaigns, offers, and the customers' features."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.campaigns.contact import ContactColumns
from loyalty_core.campaigns.definition import Definition
from loyalty_core.campaigns.errors import BadCampaign, BadTemplate
from loyalty_core.campaigns.sending.channels import Message
from loyalty_core.campaigns.sending.composing import Offered, compose
from loyalty_core.campaigns.sending.links import ContactLinks, Recipient
from loyalty_core.store.campaigns import CampaignRecord, CampaignVersionRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from loyalty_core.campaigns.contact import Contact
    from loyalty_core.campaigns.sending.claims import Claim
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import FeatureStore, Warehouse
    from loyalty_core.warehouse.offers import OfferCatalog


@dataclass(frozen=True)
class Ready:
    """A message that may be sent, and the definition of its campaign."""

    message: Message
    definition: Definition
    time_zone: str | None


@dataclass(frozen=True)
class NotReady:
    """Why a message is not sent: `is_failure` where somebody should correct something, otherwise it is cancelled."""

    reason: str
    is_failure: bool = False


class Preparation:
    """Reads and renders for one batch at a time; nothing in the state store is changed."""

    def __init__(
        self, settings: Settings, store: StateStore, warehouse: Warehouse, features: FeatureStore, offers: OfferCatalog
    ) -> None:
        self._settings = settings
        self._store = store
        self._warehouse = warehouse
        self._features = features
        self._offers = offers
        self._links = ContactLinks(settings, store)

    def prepare(self, claims: Sequence[Claim]) -> dict[int, Ready | NotReady]:
        """What becomes of each claim, by its id.

        Raises other errors where nothing can be said about any of them now, such as `WarehouseUnavailable`.
        """
        columns = ContactColumns.of(self._settings, self._warehouse.features.columns.keys())
        columns.require_consent({claim.channel for claim in claims})
        features = self._features.refresh([claim.customer_id for claim in claims])
        campaigns = self._campaigns(claims)
        prepared: dict[int, Ready | NotReady] = {}
        for claim in claims:
            row, campaign = features.get(claim.customer_id), campaigns.get((claim.campaign_id, claim.version))
            if campaign is None:
                prepared[claim.id] = NotReady("The campaign was deleted, or cannot be read any more.")
            elif row is None:
                prepared[claim.id] = NotReady("The customer is no longer in the warehouse.")
            else:
                prepared[claim.id] = self._one(claim, campaign, row, columns.contact(row))
        return prepared

    def _one(
        self, claim: Claim, campaign: tuple[str, Definition], features: Mapping[str, Any], contact: Contact
    ) -> Ready | NotReady:
        name, definition = campaign
        if not contact.has_consent:
            return NotReady("The customer has not consented.")
        if not contact.can_receive(claim.channel):
            return NotReady(f"The customer has no address for {claim.channel}.")
        variant = definition.variant(claim.variant) or definition.variants[0]
        template = variant.messages.get(claim.channel)
        if template is None:
            return NotReady(f"The campaign has no text for {claim.channel}.", is_failure=True)
        try:
            composed = compose(
                template,
                campaign_name=name,
                channel=claim.channel,
                features=features,
                contact=contact,
                offer=self._offered(claim.offer_id),
                recipient=Recipient(claim.customer_id, claim.channel, claim.key),
                links=self._links,
            )
        except BadTemplate as error:
            return NotReady(f"{error.what} {error.why}", is_failure=True)
        if composed.missing:
            return NotReady(composed.missing_sentence, is_failure=True)
        message = Message(
            key=claim.key,
            channel=claim.channel,
            campaign_id=claim.campaign_id,
            campaign_name=name,
            customer_id=claim.customer_id,
            address=composed.address,
            subject=composed.subject,
            body=composed.body,
            offer_id=claim.offer_id,
            queued_at=claim.queued_at,
            unsubscribe_url=composed.unsubscribe_url,
        )
        return Ready(message, definition, contact.time_zone)

    def _offered(self, offer_id: int | None) -> Offered | None:
        return None if offer_id is None else Offered(offer_id, self._offers.get().get(offer_id))

    def _campaigns(self, claims: Sequence[Claim]) -> dict[tuple[str, int], tuple[str, Definition]]:
        """Name and definition by campaign and version."""
        wanted = {(claim.campaign_id, claim.version) for claim in claims}
        content = select(
            CampaignVersionRecord.campaign_id,
            CampaignVersionRecord.number,
            CampaignRecord.name,
            CampaignVersionRecord.content,
        ).join(CampaignRecord, CampaignRecord.id == CampaignVersionRecord.campaign_id)
        by_id = content.where(CampaignVersionRecord.campaign_id.in_({campaign_id for campaign_id, _ in wanted}))
        with self._store.session(read_only=True) as session:
            rows = session.execute(by_id.where(CampaignVersionRecord.number.in_({number for _, number in wanted})))
            found: dict[tuple[str, int], tuple[str, Definition]] = {}
            for campaign_id, number, name, definition in rows:
                # One that cannot be read must not keep the messages of the others waiting.
                with suppress(BadCampaign):
                    found[campaign_id, number] = (name, Definition.from_json(definition))
            return found
