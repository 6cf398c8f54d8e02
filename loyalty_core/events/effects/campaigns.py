"""Which campaigns events trigger, what each of them decides about the customer, and what events say about messages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from loyalty_core.campaigns.sending.outcomes import customers_with_entries, outcome_of_event, record_outcomes
from loyalty_core.errors import LoyaltyError
from loyalty_core.events.effects.trace import SharedStep, Step, Stopwatch, as_json
from loyalty_core.events.outages import is_temporary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sqlalchemy.orm import Session

    from loyalty_core.campaigns import Campaign, Campaigns, Candidate
    from loyalty_core.campaigns.outcome import Decision
    from loyalty_core.campaigns.sending.outcomes import Outcome, Recorded
    from loyalty_core.events.effects.offers import OfferPredictor
    from loyalty_core.events.event import Event
    from loyalty_core.segments import RuleFields

MESSAGE_QUEUED = "Message queued"
"""The last step of an event that a message is sent because of."""

_STEP = "Campaigns triggered"
_NONE_TRIGGERED = "Nothing was sent: no running campaign is triggered by this."
_NOT_IN_AUDIENCE = "Nothing was sent: the customer is not in the audience of"
_LATE = "Nothing was sent: the event is too old to trigger a message. Features and segments are up to date."
_OUT_OF_ORDER = "Nothing was sent: a later event of the same type was applied before this one."
_SIMULATED = "Nothing was sent: a simulated event triggers simulated campaigns only, and none is triggered by this one."

_BY_THIS_EVENT = "The best offer by the policy, as predicted for this event."
_BY_LAST_RUN = "The best offer by the policy, as predicted in the last scoring run."


# The kind, the type of event or the segment, and whether it is simulated: simulated events trigger simulated campaigns
# alone, and real events real ones.
_Trigger = tuple[str, str | None, bool]


class MembersChangedMeanwhile(LoyaltyError):
    """Segments changed between reading and writing, so that a campaign is triggered that was not prepared for."""

    code = "members_changed_meanwhile"

    def __init__(self) -> None:
        super().__init__("Members of segments changed while the event was being applied.", remedy="It is tried again.")


class Occasion(NamedTuple):
    """A customer whom an event may make enter campaigns: by what it is, and by the segments joined and left."""

    event: Event
    customer_id: str
    joined: Sequence[str]
    left: Sequence[str]

    @property
    def nothing_triggered(self) -> str:
        """The outcome where no campaign was triggered, in one sentence."""
        if self.event.is_late:
            return _LATE
        if self.event.is_out_of_order:
            return _OUT_OF_ORDER
        return _SIMULATED if self.event.is_simulated else _NONE_TRIGGERED

    @property
    def triggers(self) -> Iterator[_Trigger]:
        """What campaigns may be triggered by; late events trigger none, and out-of-order ones none by their type."""
        event = self.event
        if event.is_late:
            return
        if not event.is_out_of_order:
            yield "event", event.type, event.is_simulated
        for segment in self.joined:
            yield "segment_joined", segment, event.is_simulated
        for segment in self.left:
            yield "segment_left", segment, event.is_simulated


@dataclass(frozen=True)
class Prospects:
    """The running campaigns, and the candidates of those that are expected to be triggered, by customer."""

    campaigns: Sequence[Campaign]
    candidates: Mapping[str, Mapping[str, Candidate]]
    asked: Mapping[str, AbstractSet[str]]
    unusable: Mapping[str, LoyaltyError]


@dataclass(frozen=True)
class Triggered:
    """The result of one event: its last steps, in one sentence the outcome, and the campaigns that considered it."""

    steps: tuple[Step, ...]
    outcome: str
    campaign_ids: tuple[str, ...]

    @classmethod
    def nothing(cls, outcome: str, milliseconds: float) -> Triggered:
        """The result of an occasion that triggered no campaign."""
        return cls((SharedStep(_STEP, milliseconds, {}, {"campaigns": []}),), outcome, ())

    @classmethod
    def of(cls, answers: Sequence[_Answer], milliseconds: float) -> Triggered:
        """The result of an occasion, by the answers of the campaigns that it triggered."""
        about = [{"id": one.campaign.id, "name": one.campaign.name, "decision": one.sentence} for one in answers]
        steps = [Step(_STEP, milliseconds, {}, {"campaigns": about})]
        queued = [one for one in answers if one.decision is not None and one.decision.reason is None]
        steps += [step for one in queued if (step := _offer_step(one)) is not None]
        steps += [_message_step(one.decision) for one in queued if one.decision is not None]
        outcome = " ".join(one.sentence for one in queued) or answers[0].sentence
        return cls(tuple(steps), outcome, tuple(one.campaign.id for one in answers))


@dataclass(frozen=True)
class _Answer:
    """What one campaign says about one occasion; without a decision, the customer is not in its audience."""

    campaign: Campaign
    decision: Decision | None
    sentence: str
    candidate: Candidate | None = None


class CampaignTriggers:
    """Asks the running campaigns about customers: candidates before the transaction, decisions within it."""

    def __init__(self, campaigns: Campaigns) -> None:
        self._campaigns = campaigns

    def prepare(
        self, occasions: Sequence[Occasion], churn: Mapping[str, float], offers: OfferPredictor, fields: RuleFields
    ) -> Prospects:
        """The candidates of the campaigns that would be triggered; reads the warehouse.

        `churn` has probabilities by customer; `offers` is asked for campaigns that choose the best offer, and `fields`
        are what rules can read. A campaign whose rules or policy cannot be used is left out, with the reason.
        """
        running, triggered = self._campaigns.repository.list(["running"]), _by_trigger(occasions)
        candidates: dict[str, dict[str, Candidate]] = {}
        asked: dict[str, AbstractSet[str]] = {}
        unusable: dict[str, LoyaltyError] = {}
        for campaign in running:
            customers = {occasions[place].customer_id for place in triggered.get(_trigger_of(campaign), ())}
            if not customers:
                continue
            asked[campaign.id] = customers
            try:
                latest = offers.latest(customers) if campaign.definition.offer.kind == "best" else None
                found = self._campaigns.candidates(campaign, customers, churn, latest, fields)
            except LoyaltyError as error:
                if is_temporary(error):
                    raise
                unusable[campaign.id] = error
                continue
            candidates[campaign.id] = {one.customer_id: one for one in found}
        return Prospects(running, candidates, asked, unusable)

    def consider(
        self, session: Session, occasions: Sequence[Occasion], prospects: Prospects, now: datetime
    ) -> list[Triggered]:
        """Let each campaign decide in the session's transaction: one answer for each occasion."""
        watch, triggered = Stopwatch(), _by_trigger(occasions)
        answers: dict[int, list[_Answer]] = defaultdict(list)
        for campaign in prospects.campaigns:
            places = {place: occasions[place] for place in triggered.get(_trigger_of(campaign), ())}
            for place, answer in self._decide(session, campaign, places, prospects, now):
                answers[place].append(answer)
        milliseconds = watch.lap()
        nothing = lru_cache(lambda outcome: Triggered.nothing(outcome, milliseconds))
        return [
            Triggered.of(answers[place], milliseconds) if place in answers else nothing(one.nothing_triggered)
            for place, one in enumerate(occasions)
        ]

    def _decide(
        self,
        session: Session,
        campaign: Campaign,
        places: Mapping[int, Occasion],
        prospects: Prospects,
        now: datetime,
    ) -> Iterator[tuple[int, _Answer]]:
        """What the campaign says about each occasion that triggers it; a customer is considered once."""
        first = {one.customer_id: place for place, one in reversed(list(places.items()))}
        if not first:
            return
        if error := prospects.unusable.get(campaign.id):
            for place in first.values():
                yield place, _Answer(campaign, None, f"Nothing was sent: {campaign.name} cannot be used. {error}")
            return
        if not prospects.asked.get(campaign.id, frozenset()) >= first.keys():
            raise MembersChangedMeanwhile
        known = prospects.candidates[campaign.id]
        causes = {customer: _cause(places[place].event) for customer, place in first.items()}
        wanted = [known[customer] for customer in first if customer in known]
        decisions = self._campaigns.consider(session, campaign, wanted, causes, now) if wanted else []
        decided = {one.customer_id: one for one in decisions}
        for customer, place in first.items():
            decision = decided.get(customer)
            sentence = decision.outcome if decision else f"{_NOT_IN_AUDIENCE} {campaign.name}."
            yield place, _Answer(campaign, decision, sentence, known.get(customer))


def _by_trigger(occasions: Sequence[Occasion]) -> Mapping[_Trigger, Sequence[int]]:
    """The places of the occasions by what campaigns may be triggered by, so that no campaign looks at all of them."""
    found: dict[_Trigger, list[int]] = {}
    for place, occasion in enumerate(occasions):
        for trigger in occasion.triggers:
            found.setdefault(trigger, []).append(place)
    return found


def _trigger_of(campaign: Campaign) -> _Trigger:
    trigger = campaign.definition.trigger
    return trigger.kind, trigger.event_type if trigger.kind == "event" else trigger.segment, campaign.is_simulated


def outcome_steps(session: Session, events: Sequence[tuple[Event, str]], awaited: Collection[str]) -> list[Step | None]:
    """Store what the events say about messages that were sent: a step for each, None where no campaign waits for it.

    The events come with the id of their customer as saved with entries. `awaited` are the types of events that
    campaigns count as a success.
    """
    watch = Stopwatch()
    entered = customers_with_entries(session, {customer_id for event, customer_id in events if event.type in awaited})
    outcomes = {
        place: outcome_of_event(
            event.type, customer_id, event.occurred_at, event.data, event=event.row, is_simulated=event.is_simulated
        )
        for place, (event, customer_id) in enumerate(events)
        if (event.type in awaited and customer_id in entered) or _is_of_message(event)
    }
    recorded = dict(zip(outcomes, record_outcomes(session, list(outcomes.values())), strict=True))
    milliseconds = watch.lap()
    return [
        _outcome_step(event, outcomes[place], recorded[place], milliseconds) if place in outcomes else None
        for place, (event, _) in enumerate(events)
    ]


def _is_of_message(event: Event) -> bool:
    return event.type.startswith("campaign.")


def _outcome_step(event: Event, outcome: Outcome, recorded: Recorded, milliseconds: float) -> Step | None:
    if not recorded.campaign_ids and not _is_of_message(event):
        return None
    about = {"kind": outcome.kind, "message_id": outcome.message_key}
    return Step("Outcome recorded", milliseconds, about, {"campaigns": list(recorded.campaign_ids)}, recorded.note)


def _cause(event: Event) -> str:
    return f"event:{event.row}" if event.row is not None else "dry run"


def _offer_step(answer: _Answer) -> Step | None:
    decision, candidate = answer.decision, answer.candidate
    if decision is None or decision.offer_id is None:
        return None
    output: dict[str, Any] = {"offer_id": decision.offer_id}
    note = ""
    if answer.campaign.definition.offer.kind == "best":
        found = candidate.conversions if candidate else None
        note = _BY_LAST_RUN if found is None else _BY_THIS_EVENT
        output |= {} if found is None else {"conversion_probabilities": {str(one): found[one] for one in found}}
    return Step("Offer chosen", 0.0, {"campaign": decision.campaign_name}, output, note)


def _message_step(decision: Decision) -> Step:
    output: dict[str, Any] = {
        "channel": decision.channel,
        "variant": decision.variant,
        "due_at": as_json(decision.due_at),
        "key": decision.key,
    }
    return Step(MESSAGE_QUEUED, 0.0, {"campaign": decision.campaign_name}, output)
