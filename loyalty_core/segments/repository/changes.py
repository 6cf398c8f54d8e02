"""Members of several segments changed at once for some customers, within a transaction of the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.segments.repository.membership import change_members
from loyalty_core.segments.repository.rows import counted_on, has_members_of
from loyalty_core.store.segments import SegmentMember, SegmentRecord, SegmentSizeRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.orm import Session

    from loyalty_core.warehouse.identity import DataIdentity


@dataclass(frozen=True)
class MemberChange:
    """A customer joined a segment, or left it."""

    segment_id: str
    customer_id: str
    has_joined: bool


def computed_segments(session: Session, identity: DataIdentity | None) -> dict[str, str]:
    """Names by id of the segments in use whose members were computed with their newest rule on that data, by name."""
    is_latest = (SegmentSizeRecord.segment_id == SegmentRecord.id) & (
        SegmentSizeRecord.number == SegmentRecord.size_count
    )
    columns = SegmentRecord.id, SegmentRecord.name
    in_use = select(*columns).join(SegmentSizeRecord, is_latest).where(SegmentRecord.archived_at.is_(None))
    by_newest_rule = SegmentSizeRecord.version >= SegmentRecord.rule_version
    computed = in_use.where(by_newest_rule, counted_on(identity), has_members_of(identity))
    return dict(session.execute(computed.order_by(SegmentRecord.name_key)).all())


def members_among(
    session: Session, segment_ids: Collection[str], customer_ids: Collection[str]
) -> dict[str, frozenset[str]]:
    """The segments that each of the customers is a member of, of those given; at most some 10,000 of each."""
    statement = select(SegmentMember.customer_id, SegmentMember.segment_id).where(
        SegmentMember.segment_id.in_(segment_ids), SegmentMember.customer_id.in_(customer_ids)
    )
    found: dict[str, set[str]] = {}
    for customer_id, segment_id in session.execute(statement):
        found.setdefault(customer_id, set()).add(segment_id)
    return {customer_id: frozenset(found.get(customer_id, ())) for customer_id in customer_ids}


def expected_changes(
    session: Session, belongs: Mapping[str, Mapping[str, bool]], versions: Mapping[str, int]
) -> list[MemberChange]:
    """What `change_memberships` would change, found without locking or changing anything."""
    before = members_among(session, versions, belongs)
    return [
        MemberChange(segment_id, customer_id, has_joined=is_member)
        for customer_id, answers in belongs.items()
        for segment_id, is_member in answers.items()
        if is_member != (segment_id in before[customer_id])
    ]


def change_memberships(
    session: Session,
    belongs: Mapping[str, Mapping[str, bool]],
    versions: Mapping[str, int],
    identity: DataIdentity | None,
) -> list[MemberChange]:
    """Make customers members of segments, or not: `belongs` has the answer by customer, then by segment.

    `versions` are the versions of the segments by which the answers were found. A segment whose rule has changed
    since, or whose members have not been computed with it on that data, stays as it is. Only segments that change are
    locked, in the order of their ids, so that two transactions cannot wait for each other.
    """
    different: dict[str, dict[str, bool]] = {}
    for change in expected_changes(session, belongs, versions):
        different.setdefault(change.segment_id, {})[change.customer_id] = change.has_joined
    if not different:
        return []
    # A refresh may have committed while the locks were waited for, so what is computed is read after it.
    locked = select(SegmentRecord).where(SegmentRecord.id.in_(different)).order_by(SegmentRecord.id)
    latest = locked.with_for_update(key_share=True).execution_options(populate_existing=True)
    records = session.scalars(latest).all()
    computed = computed_segments(session, identity)
    changes: list[MemberChange] = []
    for record in records:
        if record.id in computed and record.rule_version <= versions[record.id]:
            _, joined, left = change_members(session, record, different[record.id])
            changes += [MemberChange(record.id, customer_id, has_joined=True) for customer_id in joined]
            changes += [MemberChange(record.id, customer_id, has_joined=False) for customer_id in left]
    return changes
