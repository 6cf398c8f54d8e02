"""Customers enter a campaign: some of them because of an event, or the whole audience in a run.

What is decided is written in the transaction that decides it, under a lock that all enrolments take, so that two
workers cannot both pass a cap.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.campaigns.candidates import STAGED_CANDIDATES
from loyalty_core.campaigns.decisions import decisions
from loyalty_core.campaigns.errors import CampaignState
from loyalty_core.campaigns.outcome import NOT_RUNNING, Decision
from loyalty_core.campaigns.waterfall import grouped
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRecord
from loyalty_core.store.dialects import dialect_of_session
from loyalty_core.store.messages import OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from loyalty_core.campaigns.campaign import Campaign
    from loyalty_core.campaigns.candidates import Candidate, Placing
    from loyalty_core.campaigns.decisions import Terms
    from loyalty_core.store import StateStore

_CANDIDATES_AT_ONCE = 1_000
# Of a whole audience; each part is a transaction, during which others wait for less than a second.
_CUSTOMERS_AT_ONCE = 25_000


def enter(
    session: Session,
    campaign: Campaign,
    candidates: Sequence[Candidate],
    terms: Terms,
    placing: Placing,
    cause: str | Mapping[str, str],
) -> list[Decision]:
    """Decide about the candidates, and write their entries and messages in the session's transaction.

    `cause` names what made them enter, for all of them or by customer id.
    """
    dialect = dialect_of_session(session)
    dialect.lock_enrolment(session)
    # Of rows with the same id, the last counts: one without consent.
    with_consent_first = sorted(candidates, key=lambda one: one.has_consent, reverse=True)
    unique = list({one.customer_id: one for one in with_consent_first}.values())
    if not _is_running(session, campaign.id):
        return [Decision(one.customer_id, campaign.name, NOT_RUNNING) for one in unique]
    found: list[Decision] = []
    places = {one.customer_id: place for place, one in enumerate(unique)}
    for start in range(0, len(unique), _CANDIDATES_AT_ONCE):
        relation = placing.relation(unique[start : start + _CANDIDATES_AT_ONCE], dialect)
        rows = session.execute(decisions(relation, terms)).all()
        in_order = sorted(rows, key=lambda row: places[row.customer_id])
        found += _write(session, campaign, in_order, terms, placing, cause)
    return found


def enter_staged(
    store: StateStore,
    connection: sa.Connection,
    campaign: Campaign,
    terms: Terms,
    placing: Placing,
    cause: str,
    on_progress: Callable[[int], object] = lambda _: None,
) -> list[Any]:
    """Decide about all staged candidates, part by part, and write entries and messages.

    Returns the rows of `waterfall.grouped` over all parts. Whoever is suppressed is only counted. Raises
    `CampaignState` once the campaign is no longer running; then those before have entered.
    """
    counted: list[Any] = []
    first, last = 0, _last_place(store, connection)
    while first < last:
        upto = first + _CUSTOMERS_AT_ONCE
        place = STAGED_CANDIDATES.c.place
        part = sa.select(STAGED_CANDIDATES).where(place > first, place <= upto).cte("candidates")
        with store.session(on=connection) as session:
            dialect_of_session(session).lock_enrolment(session)
            if not _is_running(session, campaign.id):
                raise CampaignState(campaign.name, "run", "no longer running", "Resume it and run it again.")
            counted += _write_part(session, campaign, part, terms, placing, cause)
        first = upto
        on_progress(min(first, last))
    return counted


def _write(
    session: Session,
    campaign: Campaign,
    rows: Sequence[Any],
    terms: Terms,
    placing: Placing,
    cause: str | Mapping[str, str],
) -> list[Decision]:
    if not rows:
        return []
    entries = [
        _entry(campaign, row, terms, cause if isinstance(cause, str) else cause[row.customer_id]) for row in rows
    ]
    # Each customer is once among the rows; asked for ids in their order, SQLAlchemy would write them one by one.
    adding = sa.insert(CampaignEntryRecord).returning(CampaignEntryRecord.customer_id, CampaignEntryRecord.id)
    # The session's own way would look for objects that belong to the rows, which there are none of.
    ids = dict(session.connection().execute(adding, entries).all())
    written = [_decision(campaign, row, ids[row.customer_id], placing) for row in rows]
    messages = [_message(campaign, one, terms, placing) for one in written if one.reason is None]
    if messages:
        session.connection().execute(sa.insert(OutboxRecord), messages)
    return written


def _entry(campaign: Campaign, row: Any, terms: Terms, cause: str) -> dict[str, Any]:
    return {
        "campaign_id": campaign.id,
        "customer_id": row.customer_id,
        "number": row.number,
        "entered_at": terms.now,
        "cause": cause,
        "version": campaign.version,
        "status": _status(row.reason),
        "reason": row.reason,
        "variant": row.variant,
        "offer_id": row.offer_id,
        "churn_probability": row.churn_probability,
        "is_simulated": terms.is_simulated,
    }


def _message(campaign: Campaign, decision: Decision, terms: Terms, placing: Placing) -> dict[str, Any]:
    return {
        "campaign_id": campaign.id,
        "entry_id": decision.entry_id,
        "customer_id": decision.customer_id,
        "channel": decision.channel,
        "key": decision.key,
        "version": campaign.version,
        "variant": decision.variant,
        "offer_id": decision.offer_id,
        "queued_at": terms.now,
        "due_at": decision.due_at,
        "expires_at": placing.expires(decision.due_at or terms.now),
        "status": "waiting",
        "attempts": 0,
        "is_simulated": terms.is_simulated,
    }


def _decision(campaign: Campaign, row: Any, entry_id: int, placing: Placing) -> Decision:
    is_sent = row.reason is None
    return Decision(
        customer_id=row.customer_id,
        campaign_name=campaign.name,
        reason=row.reason,
        entry_id=entry_id,
        variant=row.variant,
        offer_id=row.offer_id,
        channel=row.channel if is_sent else None,
        due_at=placing.due_times[row.due] if is_sent else None,
        key=secrets.token_hex(16) if is_sent else None,
    )


def _write_part(
    session: Session, campaign: Campaign, part: sa.CTE, terms: Terms, placing: Placing, cause: str
) -> Sequence[Any]:
    """Decide about one part of the staged candidates, and write it without reading it into memory."""
    deciding = sa.CreateTableAs(decisions(part, terms), "decided", temporary=True)
    session.execute(deciding)
    decided = deciding.table
    counted = session.execute(grouped(decided)).all()
    session.execute(_insert_entries(decided, campaign, terms, cause))
    session.execute(_insert_messages(decided, campaign, terms, placing))
    session.execute(sa.text("DROP TABLE decided"))
    return counted


def _insert_entries(decided: sa.FromClause, campaign: Campaign, terms: Terms, cause: str) -> sa.Insert:
    entries = CampaignEntryRecord.__table__
    values = {
        "campaign_id": _literal(campaign.id),
        "customer_id": decided.c.customer_id,
        "number": decided.c.number,
        "entered_at": sa.literal(terms.now, entries.c.entered_at.type),
        "cause": _literal(cause),
        "version": sa.literal(campaign.version, sa.Integer()),
        "status": sa.case((decided.c.reason == "holdout", "holdout"), else_="queued"),
        "reason": decided.c.reason,
        "variant": decided.c.variant,
        "offer_id": decided.c.offer_id,
        "churn_probability": decided.c.churn_probability,
        "is_simulated": sa.true() if terms.is_simulated else sa.false(),
    }
    entering = sa.select(*values.values()).where(sa.or_(decided.c.reason.is_(None), decided.c.reason == "holdout"))
    return sa.insert(CampaignEntryRecord).from_select(list(values), entering)


def _insert_messages(decided: sa.FromClause, campaign: Campaign, terms: Terms, placing: Placing) -> sa.Insert:
    entries, outbox = CampaignEntryRecord.__table__, OutboxRecord.__table__
    moment = outbox.c.due_at.type
    due = {group: sa.literal(at, moment) for group, at in enumerate(placing.due_times)}
    expires = {group: sa.literal(placing.expires(at), moment) for group, at in enumerate(placing.due_times)}
    # Random for each part, then the number of the entry: an index takes keys in order many times faster.
    number = sa.func.substr(sa.cast(entries.c.id + 10**12, sa.String), 2)
    values = {
        "campaign_id": _literal(campaign.id),
        "entry_id": entries.c.id,
        "customer_id": decided.c.customer_id,
        "channel": decided.c.channel,
        "key": sa.literal(secrets.token_hex(10), sa.String()) + number,
        "version": sa.literal(campaign.version, sa.Integer()),
        "variant": decided.c.variant,
        "offer_id": decided.c.offer_id,
        "queued_at": sa.literal(terms.now, moment),
        "due_at": _by_group(decided, due),
        "expires_at": _by_group(decided, expires),
        "status": _literal("waiting"),
        "attempts": sa.literal(0, sa.Integer()),
        "is_simulated": sa.true() if terms.is_simulated else sa.false(),
    }
    own = sa.and_(
        entries.c.campaign_id == campaign.id,
        entries.c.customer_id == decided.c.customer_id,
        entries.c.number == decided.c.number,
    )
    queued = sa.select(*values.values()).select_from(sa.join(decided, entries, own)).where(decided.c.reason.is_(None))
    return sa.insert(OutboxRecord).from_select(list(values), queued)


def _by_group(decided: sa.FromClause, times: Mapping[int, sa.ColumnElement[datetime]]) -> sa.ColumnElement[datetime]:
    later = [(decided.c.due == group, at) for group, at in times.items() if group]
    return sa.case(*later, else_=times[0]) if later else times[0]


def _last_place(store: StateStore, connection: sa.Connection) -> int:
    with store.session(read_only=True, on=connection) as session:
        return session.scalar(sa.select(sa.func.max(STAGED_CANDIDATES.c.place))) or 0


def _is_running(session: Session, campaign_id: str) -> bool:
    state = sa.select(CampaignRecord.state).where(CampaignRecord.id == campaign_id)
    return session.scalar(state) == "running"


def _status(reason: str | None) -> str:
    return {None: "queued", "holdout": "holdout"}.get(reason, "suppressed")


def _literal(value: str) -> sa.ColumnElement[str]:
    return sa.literal(value, sa.String())
