"""Messages that are only tried: rendered for real customers, or sent to oneself. Neither is counted anywhere."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from loyalty_core.access import Action, require
from loyalty_core.campaigns.contact import ContactColumns, is_email
from loyalty_core.campaigns.errors import BadCampaign
from loyalty_core.campaigns.sending.channels import Message, NotSent, all_channels
from loyalty_core.campaigns.sending.composing import Composed, Offered, compose
from loyalty_core.campaigns.sending.errors import TooManyTests, TrialNotSent
from loyalty_core.campaigns.sending.links import Recipient
from loyalty_core.campaigns.sending.templates import faults_of, require_usable
from loyalty_core.names import nearest_names
from loyalty_core.store import audit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from loyalty_core.campaigns.campaign import Campaign
    from loyalty_core.campaigns.candidates import Candidate
    from loyalty_core.campaigns.definition import Definition, Variant
    from loyalty_core.campaigns.sending.channels import Channel
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import FeatureStore, Warehouse
    from loyalty_core.warehouse.offers import OfferFacts

MAX_PREVIEWS = 10
_MAX_TESTS_AN_HOUR = 30
_ACTION = "sent a test"


@dataclass(frozen=True)
class Preview:
    """The message that a customer would get; `problem` says why it would not be sent, "" where it would."""

    customer_id: str
    channel: str
    variant: str
    offer_id: int | None
    offer_name: str | None
    address: str | None
    subject: str
    body: str
    missing: tuple[str, ...]
    problem: str


class Trials:
    """Renders with the features that the current viewer may see."""

    def __init__(
        self,
        settings: Settings,
        store: StateStore,
        warehouse: Warehouse,
        features: FeatureStore,
        offers: Mapping[int, OfferFacts],
        *,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._warehouse = warehouse
        self._features = features
        self._offers = offers
        self._channels = channels

    def preview(
        self, campaign: Campaign, candidates: Sequence[Candidate], *, variant: str | None = None
    ) -> list[Preview]:
        """What each of the candidates would get. Raises `BadCampaign` for a variant that the campaign does not have."""
        chosen = _variant(campaign.definition, variant)
        rows = self._features.get_many([one.customer_id for one in candidates])
        found = ((one, rows[one.customer_id]) for one in candidates if one.customer_id in rows)
        return [self._preview(campaign, chosen, candidate, row) for candidate, row in found]

    def send_test(
        self, campaign: Campaign, candidate: Candidate, *, channel: str, address: str | None, variant: str | None = None
    ) -> Composed:
        """Send what the candidate would get to somebody's own `address`, marked as a test. Audited.

        Links in it do nothing. Raises `BadCampaign` and `BadTemplate` for what cannot be sent, `TrialNotSent` where the
        channel does not take it, `TooManyTests`, and `SettingsError` for a channel that is not set up.
        """
        require(Action.RUN_CAMPAIGNS)
        template = _variant(campaign.definition, variant).messages.get(channel)
        if template is None:
            raise BadCampaign(f"The campaign has no text for {channel}.", remedy="Write it, or choose another channel.")
        if channel == "email" and not (address and is_email(address)):
            raise BadCampaign("A test by e-mail needs one address.", remedy="Give your own e-mail address.")
        require_usable((template.subject, template.body), self._warehouse.features.columns.keys())
        composed = self._compose(campaign, _variant(campaign.definition, variant), channel, candidate)
        message = Message(
            key=f"test-{uuid.uuid4()}",
            channel=channel,
            campaign_id=campaign.id,
            campaign_name=campaign.name,
            customer_id=candidate.customer_id,
            address=address,
            subject=composed.subject,
            body=composed.body,
            offer_id=candidate.offer_id,
            queued_at=datetime.now(UTC),
            is_test=True,
        )
        self._record(campaign, channel, address)
        sender = (self._channels or all_channels(self._settings))[channel]
        try:
            with sender.opened() as send:
                send(message)
        except NotSent as error:
            raise TrialNotSent("The test was not sent.", str(error), "Correct that, and try again.") from error
        return composed

    def _record(self, campaign: Campaign, channel: str, address: str | None) -> None:
        """Audit the test before it is sent, and refuse one too many."""
        actor = require(Action.RUN_CAMPAIGNS).id
        with self._store.session() as session:
            since = datetime.now(UTC) - timedelta(hours=1)
            sent = audit.recent(session, _MAX_TESTS_AN_HOUR, actor=actor, action=_ACTION, since=since)
            if len(sent) >= _MAX_TESTS_AN_HOUR:
                what = f"You have sent {_MAX_TESTS_AN_HOUR} tests within an hour."
                raise TooManyTests(what, remedy="Wait, or use the preview.")
            audit.record(
                session,
                actor=actor,
                action=_ACTION,
                subject_kind="campaign",
                subject_id=campaign.id,
                details={"channel": channel, "to": address},
            )

    def _preview(
        self, campaign: Campaign, variant: Variant, candidate: Candidate, features: Mapping[str, Any]
    ) -> Preview:
        channel = _channel(campaign.definition, candidate)
        offer = self._offered(variant, candidate)
        composed = self._compose(campaign, variant, channel, candidate, features)
        return Preview(
            customer_id=candidate.customer_id,
            channel=channel,
            variant=variant.name,
            offer_id=offer.id if offer else None,
            offer_name=offer.name if offer else None,
            address=composed.address,
            subject=composed.subject,
            body=composed.body,
            missing=composed.missing,
            problem=_problem(candidate, channel, composed, self._faults(variant, channel)),
        )

    def _faults(self, variant: Variant, channel: str) -> list[str]:
        """What is wrong with the text of a channel, whoever gets it."""
        template, columns = variant.messages[channel], self._warehouse.features.columns.keys()
        return [*faults_of(template.subject, columns), *faults_of(template.body, columns)]

    def _compose(
        self,
        campaign: Campaign,
        variant: Variant,
        channel: str,
        candidate: Candidate,
        features: Mapping[str, Any] | None = None,
    ) -> Composed:
        row = features if features is not None else self._features.get(candidate.customer_id)
        template = variant.messages.get(channel)
        if template is None:
            raise BadCampaign(f"The campaign has no text for {channel}.", remedy="Write it first.")
        columns = ContactColumns.of(self._settings, self._warehouse.features.columns.keys())
        return compose(
            template,
            campaign_name=campaign.name,
            channel=channel,
            features=row,
            contact=columns.contact(row),
            offer=self._offered(variant, candidate),
            recipient=Recipient(candidate.customer_id, channel),
            links=None,
        )

    def _offered(self, variant: Variant, candidate: Candidate) -> Offered | None:
        offer_id = variant.offer_id if variant.offer_id is not None else candidate.offer_id
        return None if offer_id is None else Offered(offer_id, self._offers.get(offer_id))


def _variant(definition: Definition, name: str | None) -> Variant:
    if name is None:
        return definition.variants[0]
    found = definition.variant(name)
    if found is None:
        near = nearest_names(name, [variant.name for variant in definition.variants])
        remedy = f"Did you mean {near[0]}?" if near else "Choose one of its variants."
        raise BadCampaign(f"The campaign has no variant {name[:60]}.", remedy=remedy)
    return found


def _channel(definition: Definition, candidate: Candidate) -> str:
    """The channel that would be used: the preferred one, else the first that can reach the customer."""
    use = definition.channels.use
    if definition.channels.prefer_column and candidate.preferred is not None:
        return use[candidate.preferred]
    return next((channel for bit, channel in enumerate(use) if candidate.reach >> bit & 1), use[0])


def _problem(candidate: Candidate, channel: str, composed: Composed, faults: Sequence[str]) -> str:
    if faults:
        return " ".join(dict.fromkeys(faults))
    if not candidate.is_included:
        return "The customer is in an excluded segment."
    if not candidate.has_consent:
        return "The customer has not consented."
    if not candidate.reach:
        return f"The customer has no address for {channel}."
    return composed.missing_sentence
