"""What a campaign has achieved: figures by variant, offer and channel, and against the holdout, also in money."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.campaigns.effect import Effect, effect_of
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRunRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    from loyalty_core.campaigns.campaign import Campaign
    from loyalty_core.store import StateStore

MAX_DAYS = 90
_OUTCOMES = ("delivered", "opened", "clicked", "converted", "bounced", "unsubscribed")

_entries, _outbox, _outcomes = CampaignEntryRecord.__table__, OutboxRecord.__table__, MessageOutcomeRecord.__table__


@dataclass(frozen=True)
class Figures:
    """Entries, and how many of them had each outcome; `revenue` is the value of their conversions.

    `queued` counts messages, `sent` those that were sent. The figures of the holdout have no messages.
    """

    entered: int = 0
    queued: int = 0
    sent: int = 0
    failed: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    converted: int = 0
    bounced: int = 0
    unsubscribed: int = 0
    revenue: float = 0.0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Figures)))

    @property
    def conversion_rate(self) -> float | None:
        """Conversions by entries, 0 to 1; None without any."""
        return self.converted / self.entered if self.entered else None

    @property
    def revenue_per_contact(self) -> float | None:
        """Revenue by entries; None without any."""
        return self.revenue / self.entered if self.entered else None


@dataclass(frozen=True)
class DayFigures:
    """What happened on one day, in the app's time zone, by ISO date."""

    day: str
    entered: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int


@dataclass(frozen=True)
class Performance:
    """The results of a campaign; `suppressed` counts by reason those to whom nothing was sent."""

    total: Figures
    holdout: Figures
    by_variant: Mapping[str, Figures]
    by_offer: Mapping[int, Figures]
    by_channel: Mapping[str, Figures]
    suppressed: Mapping[str, int]
    effect: Effect
    days: tuple[DayFigures, ...] = ()
    currency: str = field(default="EUR")


def performance(
    store: StateStore, campaign: Campaign, *, zone: ZoneInfo, currency: str, now: datetime | None = None
) -> Performance:
    """The results so far, of real entries for a real campaign and of simulated ones for a simulated one."""
    now = now or datetime.now(UTC)
    with store.session(read_only=True) as session:
        rows = session.execute(_groups(campaign, now)).all()
        suppressed = _suppressed(session, campaign)
        days = _days(session, campaign, zone, now)
    treated = [(row, _figures(row)) for row in rows if row.status == "queued"]
    held = [(row, _figures(row)) for row in rows if row.status == "holdout"]
    return Performance(
        total=_sum(figures for _, figures in treated),
        holdout=_sum(figures for _, figures in held),
        by_variant=_by(treated, "variant"),
        by_offer=_by(treated, "offer_id"),
        by_channel=_by(treated, "channel"),
        suppressed=suppressed,
        effect=effect_of(campaign, rows, now),
        days=days,
        currency=currency,
    )


def _groups(campaign: Campaign, now: datetime) -> sa.Select:
    """Entries by status, variant, offer, channel, and whether their time for conversions is over."""
    kinds = [sa.func.max(sa.case((_outcomes.c.kind == kind, 1), else_=0)).label(kind) for kind in _OUTCOMES]
    value = sa.func.sum(sa.case((_outcomes.c.kind == "converted", _outcomes.c.value))).label("value")
    own = sa.select(_outcomes.c.entry_id, *kinds, value).where(_outcomes.c.campaign_id == campaign.id)
    found = own.group_by(_outcomes.c.entry_id).subquery("outcomes_of_entries")
    over_at = now - timedelta(days=campaign.definition.conversion.within_days)
    is_over = _flag(_entries.c.entered_at <= sa.literal(over_at, _entries.c.entered_at.type)).label("is_over")
    parts = [_entries.c.status, _entries.c.variant, _entries.c.offer_id, _outbox.c.channel, is_over]
    revenue = sa.func.coalesce(found.c.value, 0.0)
    message = sa.and_(_outbox.c.entry_id == _entries.c.id, _outbox.c.campaign_id == campaign.id)
    return (
        sa.select(
            *parts,
            sa.func.count().label("entered"),
            sa.func.count(_outbox.c.id).label("queued"),
            _count(_outbox.c.status == "sent").label("sent"),
            _count(_outbox.c.status == "failed").label("failed"),
            *(sa.func.coalesce(sa.func.sum(found.c[kind]), 0).label(kind) for kind in _OUTCOMES),
            sa.func.sum(revenue).label("revenue"),
            sa.func.sum(revenue * revenue).label("squares"),
        )
        .select_from(sa.outerjoin(sa.outerjoin(_entries, _outbox, message), found, found.c.entry_id == _entries.c.id))
        .where(
            _entries.c.campaign_id == campaign.id,
            _entries.c.status.in_(["queued", "holdout"]),
            _entries.c.is_simulated == (sa.true() if campaign.is_simulated else sa.false()),
        )
        .group_by(*parts)
    )


def _suppressed(session: Any, campaign: Campaign) -> dict[str, int]:
    """Customers by reason: those of runs are only counted, those of events have an entry."""
    found: dict[str, int] = defaultdict(int)
    suppressed = sa.select(_entries.c.reason, sa.func.count().label("customers")).where(
        _entries.c.campaign_id == campaign.id, _entries.c.status == "suppressed"
    )
    for reason, customers in session.execute(suppressed.group_by(_entries.c.reason)):
        found[reason] += customers
    counts = sa.select(CampaignRunRecord.counts).where(
        CampaignRunRecord.campaign_id == campaign.id, CampaignRunRecord.status == "done"
    )
    for run in session.scalars(counts):
        for reason, customers in (run or {}).items():
            if customers and reason not in {"audience", "to_send", "delayed", "unreadable_zones", "holdout"}:
                found[reason] += customers
    return dict(found)


def _days(session: Any, campaign: Campaign, zone: ZoneInfo, now: datetime) -> tuple[DayFigures, ...]:
    """The last days since the start, oldest first; at most `MAX_DAYS`."""
    if campaign.started_at is None:
        return ()
    last, first = now.astimezone(zone).date(), campaign.started_at.astimezone(zone).date()
    number = min((last - first).days + 1, MAX_DAYS)
    dates = [last - timedelta(days=back) for back in range(number)][::-1]
    starts = [datetime(one.year, one.month, one.day, tzinfo=zone).astimezone(UTC) for one in dates]
    moment = _entries.c.entered_at.type
    columns = sa.column("day", sa.String()), sa.column("starts", moment), sa.column("ends", moment)
    spans = [
        (day.isoformat(), start, end)
        for day, start, end in zip(dates, starts, [*starts[1:], now + timedelta(days=1)], strict=True)
    ]
    days = sa.values(*columns, name="days").data(spans).cte("days")
    counted = {
        "entered": _within(days, _entries.c.entered_at, _entries.c.campaign_id == campaign.id, _entered()),
        "sent": _within(days, _outbox.c.sent_at, _outbox.c.campaign_id == campaign.id, _outbox.c.status == "sent"),
        **{
            kind: _within(days, _outcomes.c.occurred_at, _outcomes.c.campaign_id == campaign.id, _of_message(kind))
            for kind in ("delivered", "opened", "clicked", "converted")
        },
    }
    statement = sa.select(days.c.day, *(count.label(name) for name, count in counted.items())).order_by(days.c.day)
    return tuple(DayFigures(*row) for row in session.execute(statement))


def _within(days: sa.CTE, at: Any, *conditions: Any) -> sa.ScalarSelect[int]:
    moment = _entries.c.entered_at.type
    starts, ends = sa.type_coerce(days.c.starts, moment), sa.type_coerce(days.c.ends, moment)
    return sa.select(sa.func.count()).where(*conditions, at >= starts, at < ends).scalar_subquery()


def _entered() -> sa.ColumnElement[bool]:
    return _entries.c.status == "queued"


def _of_message(kind: str) -> sa.ColumnElement[bool]:
    return sa.and_(_outcomes.c.kind == kind, _outcomes.c.message_key.is_not(None))


def _by(groups: Iterable[tuple[Any, Figures]], name: str) -> dict[Any, Figures]:
    found: dict[Any, Figures] = {}
    for row, figures in groups:
        key = getattr(row, name)
        if key is not None:
            found[key] = found.get(key, Figures()) + figures
    return dict(sorted(found.items()))


def _figures(row: Any) -> Figures:
    values: dict[str, Any] = {one.name: int(getattr(row, one.name)) for one in fields(Figures)}
    values["revenue"] = float(row.revenue)
    return Figures(**values)


def _sum(figures: Iterable[Figures]) -> Figures:
    return sum(figures, start=Figures())


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.count(sa.case((condition, 1)))


def _flag(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.case((condition, 1), else_=0)
