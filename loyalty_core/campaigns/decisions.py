"""What a campaign decides about its candidates, as one statement over the state store.

The estimate on the screen, the dry run, a run over the whole audience and the entry of one customer by an event all ask
this statement, so that they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from loyalty_core.campaigns.candidates import POSITIONS
from loyalty_core.campaigns.contact import EVERY_CHANNEL
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import ContactPreferenceRecord, OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from loyalty_core.campaigns.definition import Definition
    from loyalty_core.campaigns.limits import Cap

Reason = Literal[
    "excluded", "re_entry", "consent", "channel", "offer", "campaign_cap", "overall_cap", "holdout", "budget"
]
REASONS: tuple[Reason, ...] = (
    "excluded",
    "re_entry",
    "consent",
    "channel",
    "offer",
    "campaign_cap",
    "overall_cap",
    "holdout",
    "budget",
)
"""Why nothing is sent to a customer, in the order in which the reasons are looked at."""

# An entry counts as such when the customer got a message, or would have got one but for the holdout.
ENTERED = ("queued", "holdout")
# Messages in these states do not count towards caps and budgets.
NOT_COUNTED = ("cancelled", "failed")

_DECIDED = ("customer_id", "number", "variant", "offer_id", "channel", "due", "bad_zone", "churn_probability")

_entries, _outbox, _preferences = (
    CampaignEntryRecord.__table__,
    OutboxRecord.__table__,
    ContactPreferenceRecord.__table__,
)


@dataclass(frozen=True)
class Terms:
    """What candidates are measured by: the campaign, the time, and the caps beyond those of its definition.

    `offer_caps` are those of the campaign's offer policy. Simulated entries and real ones do not affect each other.
    """

    campaign_id: str
    definition: Definition
    now: datetime
    overall_cap: Cap | None = None
    offer_caps: Mapping[int, int] = field(default_factory=dict)
    is_simulated: bool = False


def decisions(candidates: sa.FromClause, terms: Terms) -> sa.Select:
    """One row for each candidate: `reason` is None for those who get a message.

    The other columns are customer_id, number (of the entry), variant, offer_id, channel, due, bad_zone and
    churn_probability.
    """
    return _within_budget(_within_caps(_with_offer(_with_history(candidates, terms), terms), terms), terms)


def _with_history(candidates: sa.FromClause, terms: Terms) -> sa.CTE:
    """The candidates with the number of their next entry, and for each channel whether they opted out of it."""
    own = _entries.c.campaign_id == terms.campaign_id, _entries.c.customer_id == candidates.c.customer_id
    last_number = sa.select(sa.func.max(_entries.c.number)).where(*own).scalar_subquery()
    found = sa.select(
        *candidates.c,
        (sa.func.coalesce(last_number, 0) + 1).label("number"),
        *(
            _opted_out(candidates.c.customer_id, channel).label(f"opted_out_{index}")
            for index, channel in enumerate(terms.definition.channels.use)
        ),
    )
    return _once(found, "with_history")


def _last_entry(found: sa.CTE, terms: Terms) -> sa.ScalarSelect[int]:
    """The last entry of a customer that counts as one; nobody without an earlier number is looked up."""
    counted = (
        sa.select(_entries.c.id)
        .where(
            found.c.number > 1,
            _entries.c.campaign_id == terms.campaign_id,
            _entries.c.customer_id == found.c.customer_id,
            _entries.c.status.in_(ENTERED),
            _entries.c.is_simulated == _bool(terms.is_simulated),
        )
        .order_by(_entries.c.number.desc())
        .limit(1)
    )
    return counted.scalar_subquery()


def _opted_out(customer_id: sa.ColumnElement[str], channel: str) -> sa.ColumnElement[int]:
    refused = sa.select(_preferences.c.customer_id).where(
        _preferences.c.customer_id == customer_id,
        _preferences.c.channel.in_([channel, EVERY_CHANNEL]),
        _preferences.c.may_contact == sa.false(),
    )
    return sa.case((refused.exists(), 1), else_=0)


def _with_offer(found: sa.CTE, terms: Terms) -> sa.CTE:
    """Variant, offer and channel of each, whether they are in the holdout, and the first reason not to write to them.

    Holdout and variant are those of the first entry.
    """
    last = _entries.alias("last")
    variants = terms.definition.variants
    fresh = sa.case(*((found.c.variant == index, variant.name) for index, variant in enumerate(variants)))
    variant = sa.case((last.c.variant.in_([one.name for one in variants]), last.c.variant), else_=fresh)
    offers = [(variant == one.name, _bigint(one.offer_id)) for one in variants if one.offer_id is not None]
    offer = sa.case(*offers, else_=found.c.offer_id) if offers else found.c.offer_id
    threshold = round(terms.definition.holdout.share * POSITIONS / 100)
    held = sa.case(
        (last.c.id.is_not(None), _flag(last.c.status == "holdout")), else_=_flag(found.c.position < threshold)
    )
    channel = _channel(found, terms)
    wants_offer = terms.definition.offer.kind != "none"
    reasons = [
        (found.c.is_included == 0, "excluded"),
        (_entered_recently(last, terms), "re_entry"),
        (sa.or_(found.c.has_consent == 0, _opted_out_of_all(found, terms)), "consent"),
        (channel.is_(None), "channel"),
        *([(offer.is_(None), "offer")] if wants_offer else []),
    ]
    chosen = sa.select(
        *(found.c[name] for name in ("customer_id", "number", "position", "due", "bad_zone", "churn_probability")),
        variant.label("variant"),
        offer.label("offer_id"),
        channel.label("channel"),
        held.label("is_held"),
        _reason(reasons).label("reason"),
    ).select_from(found.outerjoin(last, last.c.id == _last_entry(found, terms)))
    return chosen.cte("with_offer")


def _entered_recently(last: sa.FromClause, terms: Terms) -> sa.ColumnElement[bool]:
    re_entry = terms.definition.re_entry
    if re_entry.kind == "never":
        return last.c.id.is_not(None)
    return last.c.entered_at > _at(terms.now - timedelta(days=re_entry.days))


def _opted_out_of_all(found: sa.CTE, terms: Terms) -> sa.ColumnElement[bool]:
    flags = [found.c[f"opted_out_{index}"] == 1 for index in range(len(terms.definition.channels.use))]
    return sa.and_(*flags) if flags else sa.false()


def _channel(found: sa.CTE, terms: Terms) -> sa.ColumnElement[str | None]:
    """The preferred channel where it can be used, otherwise the first that can."""
    use = terms.definition.channels.use
    usable = [
        sa.and_(found.c.reach.bitwise_and(1 << index) != 0, found.c[f"opted_out_{index}"] == 0)
        for index in range(len(use))
    ]
    preferred = [(sa.and_(found.c.preferred == index, usable[index]), channel) for index, channel in enumerate(use)]
    in_order = [(usable[index], channel) for index, channel in enumerate(use)]
    return sa.case(*preferred, *in_order, else_=sa.null()) if use else sa.cast(sa.null(), sa.String)


def _within_caps(chosen: sa.CTE, terms: Terms) -> sa.Select:
    """The same, with caps and holdout among the reasons."""
    frequency = terms.definition.frequency.campaign
    reasons: list[tuple[sa.ColumnElement[bool], Any]] = [(chosen.c.reason.is_not(None), chosen.c.reason)]
    if terms.definition.offer.kind == "best" and terms.offer_caps:
        reasons.append((_offer_is_used_up(chosen, terms), _text("offer")))
    if frequency is not None:
        reasons.append((_messages(chosen, terms, frequency, own=True) >= frequency.messages, _text("campaign_cap")))
    if terms.overall_cap is not None:
        overall = _messages(chosen, terms, terms.overall_cap, own=False)
        reasons.append((overall >= terms.overall_cap.messages, _text("overall_cap")))
    reasons.append((chosen.c.is_held == 1, _text("holdout")))
    return sa.select(*(chosen.c[name] for name in _DECIDED), chosen.c.position, _reason(reasons).label("reason"))


def _offer_is_used_up(chosen: sa.CTE, terms: Terms) -> sa.ColumnElement[bool]:
    """Whether a customer's offer has reached its cap, by those who got it before and those who come first now."""
    waits = _flag(chosen.c.reason.is_(None))
    order = chosen.c.position, chosen.c.customer_id
    place = sa.func.sum(waits).over(partition_by=chosen.c.offer_id, order_by=order)
    given = given_offers(terms.campaign_id, is_simulated=terms.is_simulated).subquery("given")
    before = sa.select(given.c.customers).where(given.c.offer_id == chosen.c.offer_id).scalar_subquery()
    cap = sa.case(*((chosen.c.offer_id == offer, cap) for offer, cap in terms.offer_caps.items()), else_=sa.null())
    return place > cap - sa.func.coalesce(before, 0)


def given_offers(campaign_id: str, *, is_simulated: bool = False) -> sa.Select:
    """How many `customers` got each offer in the campaign, by `offer_id`."""
    return (
        sa.select(_entries.c.offer_id, sa.func.count().label("customers"))
        .where(
            _entries.c.campaign_id == campaign_id,
            _entries.c.status == "queued",
            _entries.c.offer_id.is_not(None),
            _entries.c.is_simulated == _bool(is_simulated),
        )
        .group_by(_entries.c.offer_id)
    )


def _messages(chosen: sa.CTE, terms: Terms, cap: Cap, *, own: bool) -> sa.ScalarSelect[int]:
    """How many messages the customer got or will get within the days of the cap."""
    conditions = [
        _outbox.c.customer_id == chosen.c.customer_id,
        _outbox.c.queued_at > _at(terms.now - timedelta(days=cap.days)),
        _outbox.c.status.not_in(NOT_COUNTED),
        _outbox.c.is_simulated == _bool(terms.is_simulated),
    ]
    if own:
        conditions.append(_outbox.c.campaign_id == terms.campaign_id)
    return sa.select(sa.func.count()).where(*conditions).scalar_subquery()


def _within_budget(found: sa.Select, terms: Terms) -> sa.Select:
    """The same, with the budget as the last reason: chance decides who gets what is left."""
    most = terms.definition.budget.most_messages
    if most is None:
        return found
    capped = _once(found, "within_caps")
    spent = sa.select(sa.func.count()).where(
        _outbox.c.campaign_id == terms.campaign_id,
        _outbox.c.status.not_in(NOT_COUNTED),
        _outbox.c.is_simulated == _bool(terms.is_simulated),
    )
    order = capped.c.position, capped.c.customer_id
    place = sa.func.sum(_flag(capped.c.reason.is_(None))).over(order_by=order)
    is_over = place > most - spent.scalar_subquery()
    reasons = [(capped.c.reason.is_not(None), capped.c.reason), (is_over, _text("budget"))]
    return sa.select(*(capped.c[name] for name in _DECIDED), _reason(reasons).label("reason"))


def _once(statement: sa.Select, name: str) -> sa.CTE:
    """The statement as a table that is computed once: otherwise SQLite would look up the same rows several times."""
    return statement.cte(name).prefix_with("MATERIALIZED")


def _reason(cases: list[Any]) -> sa.ColumnElement[str | None]:
    return sa.case(*((condition, _text(value)) for condition, value in cases), else_=sa.null())


def _text(value: Any) -> Any:
    return sa.literal(value, sa.String()) if isinstance(value, str) else value


def _flag(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.case((condition, 1), else_=0)


def _bool(value: bool) -> sa.ColumnElement[bool]:
    return sa.true() if value else sa.false()


def _bigint(value: int | None) -> sa.ColumnElement[int]:
    return sa.cast(sa.literal(value), sa.BigInteger)


def _at(moment: datetime) -> sa.ColumnElement[datetime]:
    return sa.literal(moment, _entries.c.entered_at.type)
