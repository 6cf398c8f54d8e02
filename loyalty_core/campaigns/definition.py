"""What a campaign does, as people edit it: whom it writes to, when, with what, and within which limits.

The JSON form is what the state store and the API hold. A draft may be incomplete; `require_complete` says what is
missing before a campaign can be started.
"""

from __future__ import annotations

from dataclasses import field
from datetime import date  # noqa: TC003 -- pydantic reads the annotations
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic.dataclasses import dataclass

from loyalty_core.campaigns.errors import BadCampaign, CampaignIncomplete
from loyalty_core.campaigns.limits import Budget, Frequency, Holdout, QuietHours, ReEntry
from loyalty_core.campaigns.values import STRICT, Days, Identifier, OfferId, Percent

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

TriggerKind = Literal["segment_joined", "segment_left", "event", "schedule", "by_hand"]
TRIGGERS: tuple[TriggerKind, ...] = ("segment_joined", "segment_left", "event", "schedule", "by_hand")
OfferKind = Literal["none", "fixed", "best"]

DEFAULT_CONVERSIONS = ("campaign.converted", "transaction.created")
MAX_VARIANTS = 10
MAX_TEXT_LENGTH = 20_000


@dataclass(frozen=True, config=STRICT)
class Audience:
    """The members of `segment` and of those in `include`, everyone where there are none, without those in `exclude`."""

    segment: Identifier | None = None
    include: tuple[Identifier, ...] = ()
    exclude: tuple[Identifier, ...] = ()

    @property
    def included(self) -> tuple[str, ...]:
        """Ids of the segments whose members are in the audience; empty for everyone."""
        return tuple(dict.fromkeys([*([self.segment] if self.segment else []), *self.include]))


@dataclass(frozen=True, config=STRICT)
class Trigger:
    """What makes customers enter the campaign.

    A schedule runs on `days` (every day without any) at `hour` and `minute` in the time zone of the app, from
    `start_on` to `end_on`, both included.
    """

    kind: TriggerKind = "by_hand"
    segment: Identifier | None = None
    event_type: Identifier | None = None
    days: tuple[Day, ...] = ()
    hour: Annotated[int, Field(ge=0, le=23, strict=True)] = 9
    minute: Annotated[int, Field(ge=0, le=59, strict=True)] = 0
    start_on: date | None = None
    end_on: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Trigger:
        if self.start_on and self.end_on and self.end_on < self.start_on:
            raise ValueError("the last day of the schedule is before its first day")
        return self


@dataclass(frozen=True, config=STRICT)
class Offer:
    """The offer of the messages: none, a fixed one, or the best for each customer under the policy with that id."""

    kind: OfferKind = "none"
    offer_id: OfferId | None = None
    policy: Identifier | None = None

    @property
    def chosen_by(self) -> str | None:
        """The id of the policy that chooses the best offer for each customer; None where none does."""
        return self.policy if self.kind == "best" else None


@dataclass(frozen=True, config=STRICT)
class Message:
    """The Liquid templates of one message; a channel without subjects uses the body alone."""

    subject: Annotated[str, Field(max_length=1_000)] = ""
    body: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""


@dataclass(frozen=True, config=STRICT)
class Variant:
    """One of the versions that are tested against each other: `share` is the percentage of customers who get it.

    `offer_id` overrides the offer of the campaign. `messages` are by channel.
    """

    name: Annotated[str, Field(min_length=1, max_length=40)] = "A"
    share: Percent = 100.0
    offer_id: OfferId | None = None
    messages: dict[Identifier, Message] = field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class Channels:
    """The channels in order of preference; with `prefer_column` the customer's own preferred channel comes first."""

    use: tuple[Identifier, ...] = ("log",)
    prefer_column: bool = True

    @field_validator("use")
    @classmethod
    def _each_once(cls, use: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(use)) < len(use):
            raise ValueError("a channel is named twice")
        if len(use) > 8:
            raise ValueError("there are more than 8 channels")
        return use


@dataclass(frozen=True, config=STRICT)
class Conversion:
    """The events that count as success, within a number of days after the customer entered."""

    event_types: tuple[Identifier, ...] = DEFAULT_CONVERSIONS
    within_days: Days = 14


@dataclass(frozen=True, config=STRICT)
class Definition:
    """Everything that people decide about a campaign but its name."""

    audience: Audience = field(default_factory=Audience)
    trigger: Trigger = field(default_factory=Trigger)
    offer: Offer = field(default_factory=Offer)
    variants: tuple[Variant, ...] = field(default_factory=lambda: (Variant(),))
    channels: Channels = field(default_factory=Channels)
    frequency: Frequency = field(default_factory=Frequency)
    quiet_hours: QuietHours | None = None
    re_entry: ReEntry = field(default_factory=ReEntry)
    holdout: Holdout = field(default_factory=Holdout)
    budget: Budget = field(default_factory=Budget)
    conversion: Conversion = field(default_factory=Conversion)
    cancel_on_leave: bool = True

    @field_validator("variants")
    @classmethod
    def _usable_variants(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        if not 1 <= len(variants) <= MAX_VARIANTS:
            raise ValueError(f"a campaign has from 1 to {MAX_VARIANTS} variants")
        if len({variant.name.casefold() for variant in variants}) < len(variants):
            raise ValueError("two variants have the same name")
        return variants

    @classmethod
    def from_json(cls, content: Any) -> Definition:
        """The definition that `to_json` gave, or that somebody wrote; raises `BadCampaign`."""
        try:
            return _adapter().validate_python(content)
        except ValidationError as error:
            raise _bad(error) from error

    def to_json(self) -> dict[str, Any]:
        """The definition as plain JSON."""
        return _adapter().dump_python(self, mode="json", by_alias=True)

    def variant(self, name: str | None) -> Variant | None:
        """The variant of that name; None where there is none (any more)."""
        return next((variant for variant in self.variants if variant.name == name), None)

    @property
    def segments(self) -> tuple[str, ...]:
        """Ids of all segments that the campaign reads, each once."""
        triggering = [self.trigger.segment] if self.trigger.segment else []
        return tuple(dict.fromkeys([*self.audience.included, *self.audience.exclude, *triggering]))

    @property
    def offer_ids(self) -> tuple[int, ...]:
        """Ids of the offers that are named, each once."""
        named = [self.offer.offer_id if self.offer.kind == "fixed" else None]
        named += [variant.offer_id for variant in self.variants]
        return tuple(dict.fromkeys(one for one in named if one is not None))

    def missing(self) -> list[str]:
        """What has to be added before the campaign can be started, in sentences."""
        return [*self._missing_of_trigger(), *self._missing_of_offer(), *self._missing_of_messages()]

    def require_complete(self) -> None:
        """Raise `CampaignIncomplete` where something is missing."""
        if missing := self.missing():
            raise CampaignIncomplete(missing)

    def _missing_of_trigger(self) -> list[str]:
        kind = self.trigger.kind
        if kind in {"segment_joined", "segment_left"} and not self.trigger.segment:
            return ["Choose the segment whose changes trigger the campaign."]
        return (
            ["Choose the event that triggers the campaign."] if kind == "event" and not self.trigger.event_type else []
        )

    def _missing_of_offer(self) -> list[str]:
        if self.offer.kind == "fixed" and self.offer.offer_id is None:
            return ["Choose the offer."]
        return ["Choose the offer policy."] if self.offer.kind == "best" and not self.offer.policy else []

    def _missing_of_messages(self) -> list[str]:
        missing = [] if self.channels.use else ["Choose at least one channel."]
        if abs(sum(variant.share for variant in self.variants) - 100) > 1e-6:
            missing.append("The shares of the variants have to add up to 100%.")
        for variant in self.variants:
            for channel in self.channels.use:
                message = variant.messages.get(channel)
                if message is None or not message.body.strip():
                    missing.append(f"Write the message of variant {variant.name} for {channel}.")
                elif channel == "email" and not message.subject.strip():
                    missing.append(f"Write the subject of the e-mail of variant {variant.name}.")
        return missing


@cache
def _adapter() -> TypeAdapter[Definition]:
    return TypeAdapter(Definition)


def _bad(error: ValidationError) -> BadCampaign:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the definition"
    why = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        why = "There is no such field"
    return BadCampaign(
        f"The campaign has a value that cannot be used: {place}.",
        f"{why[:1].upper()}{why[1:]}.",
        "Correct that value; the others have not been saved either.",
    )
