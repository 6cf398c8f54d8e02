"""Members of segments: refreshed by the million, or changed one at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, bindparam, delete, insert, literal, select, update

from loyalty_core.segments.repository.rows import has_members_of, record_of, size_of
from loyalty_core.segments.segment import Membership
from loyalty_core.store.dialects import dialect_of_session
from loyalty_core.store.segments import SegmentMember, SegmentRecord, SegmentSizeRecord
from loyalty_core.store.staging import STAGED, stage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

    from loyalty_core.segments.segment import SegmentSize
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse.identity import DataIdentity


@dataclass(frozen=True)
class MemberChange:
    """A customer joined a segment, or left it."""

    segment_id: str
    customer_id: str
    has_joined: bool


def replace_members(
    store: StateStore,
    segment_id: str,
    batches: Iterable[Sequence[str]],
    *,
    base: int,
    version: int,
    cause: str,
    identity: DataIdentity | None = None,
) -> SegmentSize:
    """Make the customers in `batches` the members of the segment, of `base` customers in all, and record the size.

    The ids go to a temporary table while `batches` runs, so that a slow warehouse locks nothing here; then members,
    size and cleared error are written in one transaction. An exception from `batches` changes nothing. Of two
    refreshes at once, the second counts its difference from the first. Members of other data are removed without
    counting as customers who left.
    """
    with store.connection() as connection:
        customers = stage(store, connection, batches)
        with store.session(on=connection) as session:
            record = record_of(session, segment_id, lock=True)
            now = datetime.now(UTC)
            if identity is not None and not identity.owns(record.members_data):
                connection.execute(delete(SegmentMember).where(SegmentMember.segment_id == segment_id))
            left = _remove_others(connection, segment_id)
            joined = _add_new(connection, segment_id, now)
            record.error = None
            record.members_data = identity.key if identity is not None else None
            record.size_count += 1
            size = SegmentSizeRecord(
                segment_id=segment_id,
                number=record.size_count,
                at=now,
                customers=customers,
                base=base,
                joined=joined,
                left=left,
                version=version,
                cause=cause,
                data=record.members_data,
                data_state=(identity.state or None) if identity is not None else None,
            )
            session.add(size)
    return size_of(size)


def is_member(session: Session, segment_id: str, customer_id: str, identity: DataIdentity | None) -> bool:
    """Whether the customer belongs to the segment on that data."""
    belongs = _has_member(SegmentRecord.id.expression, literal(customer_id))
    statement = select(SegmentRecord.id).where(SegmentRecord.id == segment_id, has_members_of(identity), belongs)
    return session.scalar(statement) is not None


def memberships(session: Session, customer_id: str, identity: DataIdentity | None) -> list[Membership]:
    """The segments in use that the customer belongs to on that data, by name."""
    belongs = (SegmentMember.segment_id == SegmentRecord.id) & (SegmentMember.customer_id == customer_id)
    columns = SegmentRecord.id, SegmentRecord.name, SegmentMember.since
    statement = select(*columns).join(SegmentMember, belongs)
    in_use = statement.where(SegmentRecord.archived_at.is_(None), has_members_of(identity))
    return [Membership(*row) for row in session.execute(in_use.order_by(SegmentRecord.name_key))]


def joined_at(
    session: Session, segment_id: str, customer_ids: Sequence[str], identity: DataIdentity | None
) -> dict[str, datetime]:
    """When those of the customers who are members joined the segment; at most some 30,000 ids."""
    columns = SegmentMember.customer_id, SegmentMember.since
    statement = select(*columns).join(SegmentRecord, SegmentRecord.id == SegmentMember.segment_id)
    members = statement.where(SegmentMember.segment_id == segment_id, has_members_of(identity))
    found = session.execute(members.where(SegmentMember.customer_id.in_(customer_ids)))
    return dict(found.all())


def change_member(session: Session, record: SegmentRecord, customer_id: str, *, belongs: bool) -> bool:
    """Add or remove one member of the segment of a locked row; returns whether that changed anything.

    The latest size is adjusted, so that it agrees with the members.
    """
    member = session.get(SegmentMember, (record.id, customer_id))
    if belongs == (member is not None):
        return False
    size = session.get(SegmentSizeRecord, (record.id, record.size_count))
    if member is None:
        session.add(SegmentMember(segment_id=record.id, customer_id=customer_id, since=datetime.now(UTC)))
    else:
        session.delete(member)
    if size is not None:
        size.customers += 1 if belongs else -1
        size.joined += belongs
        size.left += not belongs
    return True


def change_members(
    session: Session, record: SegmentRecord, belongs: Mapping[str, bool]
) -> tuple[SegmentSize, list[str], list[str]]:
    """Make these customers members, or not, of the segment of a locked row; at most some 30,000.

    Returns the latest size, which is adjusted so that it agrees with the members, and who joined and left.
    """
    changes = change_members_of(session, {record.id: record.size_count}, {record.id: belongs})
    size = session.get_one(SegmentSizeRecord, (record.id, record.size_count), populate_existing=True)
    joined = [change.customer_id for change in changes if change.has_joined]
    return size_of(size), joined, [change.customer_id for change in changes if not change.has_joined]


def change_members_of(
    session: Session, size_counts: Mapping[str, int], belongs: Mapping[str, Mapping[str, bool]]
) -> list[MemberChange]:
    """Make customers members, or not, of segments whose rows are locked: `belongs` is by segment, then by customer.

    `size_counts` has the number of each segment's latest size, which is adjusted so that it agrees with the members.
    Returns what has changed, by segment: who joined, and then who left.
    """
    before = members_among(session, belongs, set().union(*belongs.values()))
    different = {
        segment_id: {one: is_member for one, is_member in answers.items() if is_member != (one in before[segment_id])}
        for segment_id, answers in belongs.items()
    }
    return write_changes(session, size_counts, different)


def write_changes(
    session: Session, size_counts: Mapping[str, int], different: Mapping[str, Mapping[str, bool]]
) -> list[MemberChange]:
    """As `change_members_of`, of answers that are known to differ from the members."""
    changes = [
        MemberChange(segment_id, one, has_joined=has_joined)
        for segment_id, answers in different.items()
        for has_joined in (True, False)
        for one in sorted(customer_id for customer_id, is_member in answers.items() if is_member == has_joined)
    ]
    if changes:
        _write_changes(session, changes)
        _adjust_sizes(session, size_counts, changes)
    return changes


def members_among(
    session: Session, segment_ids: Collection[str], customer_ids: Collection[str]
) -> dict[str, frozenset[str]]:
    """Those of the customers who are members of each of the segments; at most some 30,000 of both together."""
    members = dialect_of_session(session).gathered(SegmentMember.customer_id.expression)
    among = SegmentMember.segment_id.in_(segment_ids), SegmentMember.customer_id.in_(customer_ids)
    found = session.execute(select(SegmentMember.segment_id, members).where(*among).group_by(SegmentMember.segment_id))
    return dict.fromkeys(segment_ids, frozenset[str]()) | {one: frozenset(customers) for one, customers in found}


def _write_changes(session: Session, changes: Sequence[MemberChange]) -> None:
    now, connection = datetime.now(UTC), session.connection()
    of_row = SegmentMember.segment_id == bindparam("segment"), SegmentMember.customer_id == bindparam("customer")
    new = [
        {"segment_id": one.segment_id, "customer_id": one.customer_id, "since": now}
        for one in changes
        if one.has_joined
    ]
    gone = [{"segment": one.segment_id, "customer": one.customer_id} for one in changes if not one.has_joined]
    if new:
        connection.execute(insert(SegmentMember), new)
    if gone:
        connection.execute(delete(SegmentMember).where(*of_row), gone)


def _adjust_sizes(session: Session, size_counts: Mapping[str, int], changes: Sequence[MemberChange]) -> None:
    joined = Counter(change.segment_id for change in changes if change.has_joined)
    left = Counter(change.segment_id for change in changes if not change.has_joined)
    more, fewer = bindparam("more"), bindparam("fewer")
    latest = SegmentSizeRecord.segment_id == bindparam("segment"), SegmentSizeRecord.number == bindparam("latest")
    adjusted = update(SegmentSizeRecord).where(*latest)
    adjusted = adjusted.values(
        customers=SegmentSizeRecord.customers + more - fewer,
        joined=SegmentSizeRecord.joined + more,
        left=SegmentSizeRecord.left + fewer,
    )
    rows = [
        {"segment": one, "latest": size_counts[one], "more": joined[one], "fewer": left[one]}
        for one in dict.fromkeys(change.segment_id for change in changes)
    ]
    session.connection().execute(adjusted, rows)


def _remove_others(connection: Connection, segment_id: str) -> int:
    """Delete the members that are not staged, and return their number."""
    is_staged = select(STAGED.c.customer_id).where(STAGED.c.customer_id == SegmentMember.customer_id).exists()
    statement = delete(SegmentMember).where(SegmentMember.segment_id == segment_id, ~is_staged)
    return connection.execute(statement).rowcount


def _add_new(connection: Connection, segment_id: str, now: datetime) -> int:
    """Insert the staged customers who are not members yet, in primary key order, and return their number."""
    new = (
        select(literal(segment_id), STAGED.c.customer_id, literal(now, SegmentMember.since.type))
        .where(~_has_member(literal(segment_id), STAGED.c.customer_id))
        .order_by(STAGED.c.customer_id)
    )
    statement = insert(SegmentMember).from_select(["segment_id", "customer_id", "since"], new)
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _has_member(segment_id: ColumnElement[str], customer_id: ColumnElement[str]) -> ColumnElement[bool]:
    belongs = (SegmentMember.segment_id == segment_id, SegmentMember.customer_id == customer_id)
    return select(SegmentMember.customer_id).where(*belongs).exists()
