"""Members of several segments changed at once for some customers, within a transaction of the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.segments.repository.membership import MemberChange, change_members_of, members_among, write_changes
from loyalty_core.segments.repository.rows import counted_on, has_members_of
from loyalty_core.store.segments import SegmentRecord, SegmentSizeRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.orm import Session

    from loyalty_core.segments.live_rules import Answers
    from loyalty_core.segments.repository.recent_members import RecentMembers, State
    from loyalty_core.warehouse.identity import DataIdentity

_IS_LATEST = (SegmentSizeRecord.segment_id == SegmentRecord.id) & (SegmentSizeRecord.number == SegmentRecord.size_count)
_Different = dict[str, dict[str, bool]]


@dataclass(frozen=True)
class ExpectedChanges:
    """What `change_memberships` would change, and the state of each segment's members when that was found out.

    Whoever changes members also changes the state.
    """

    changes: tuple[MemberChange, ...]
    states: Mapping[str, State]


def computed_segments(session: Session, identity: DataIdentity | None) -> dict[str, str]:
    """Names by id of the segments in use whose members were computed with their newest rule on that data, by name."""
    columns = SegmentRecord.id, SegmentRecord.name
    in_use = select(*columns).join(SegmentSizeRecord, _IS_LATEST).where(SegmentRecord.archived_at.is_(None))
    by_newest_rule = SegmentSizeRecord.version >= SegmentRecord.rule_version
    computed = in_use.where(by_newest_rule, counted_on(identity), has_members_of(identity))
    return dict(session.execute(computed.order_by(SegmentRecord.name_key)).all())


def expected_changes(
    session: Session,
    answers: Mapping[str, Answers],
    versions: Mapping[str, int],
    recent: RecentMembers | None = None,
) -> ExpectedChanges:
    """What `change_memberships` would change, found without locking or changing anything.

    Members are only looked up for customers whom `recent` does not know.
    """
    # The states are read first, so that a change between the two reads is detected when writing.
    states = _states(session, versions)
    different, unknown = recent.compare(answers, states) if recent else ({}, answers)
    for segment_id, of_segment in _different(session, unknown, versions).items() if unknown else ():
        different.setdefault(segment_id, {}).update(of_segment)
    changes = [
        MemberChange(segment_id, customer_id, has_joined=is_member)
        for segment_id, of_segment in different.items()
        for customer_id, is_member in of_segment.items()
    ]
    return ExpectedChanges(tuple(changes), states)


def change_memberships(
    session: Session,
    answers: Mapping[str, Answers],
    versions: Mapping[str, int],
    identity: DataIdentity | None,
    expected: ExpectedChanges | None = None,
    recent: RecentMembers | None = None,
) -> list[MemberChange]:
    """Make customers members of segments, or not, by the answers of each customer.

    `versions` are the versions of the segments by which the answers were found. A segment whose rule has changed
    since, or whose members have not been computed with it on that data, stays as it is. With `expected` only the
    members of those segments are compared again that somebody else has changed since. Only segments that change are
    locked, in the order of their ids, so that two transactions cannot wait for each other. `recent` knows the members
    once the session is committed.
    """
    states = _states(session, versions)
    different = _different_now(session, answers, versions, expected, states)
    changes = _change(session, different, versions, identity, states) if different else []
    if recent and different.keys() == {change.segment_id for change in changes}:
        recent.know_after_commit(session, answers, before=states, after=_states_after(states, changes))
    return changes


def _change(
    session: Session,
    different: _Different,
    versions: Mapping[str, int],
    identity: DataIdentity | None,
    states: Mapping[str, State],
) -> list[MemberChange]:
    """Write what differs from the members as they were when the segments had the states."""
    # A refresh may have committed while the locks were waited for, so what is computed is read after it.
    columns = SegmentRecord.id, SegmentRecord.rule_version, SegmentRecord.size_count
    locked = select(*columns).where(SegmentRecord.id.in_(different)).order_by(SegmentRecord.id)
    records = session.execute(locked.with_for_update(key_share=True)).all()
    computed = computed_segments(session, identity)
    size_counts = {
        record.id: record.size_count
        for record in records
        if record.id in computed and record.rule_version <= versions[record.id]
    }
    latest = _states(session, size_counts)
    same = {one for one in size_counts if latest.get(one) == states.get(one)}
    changes = write_changes(session, size_counts, {one: different[one] for one in size_counts if one in same})
    if others := {one: different[one] for one in size_counts if one not in same}:
        changes += change_members_of(session, size_counts, others)
    return changes


def _different_now(
    session: Session,
    answers: Mapping[str, Answers],
    versions: Mapping[str, int],
    expected: ExpectedChanges | None,
    states: Mapping[str, State],
) -> _Different:
    """The answers that differ from the members, by segment; `expected` ones only where nothing has changed since."""
    if expected is None:
        return _different(session, answers, versions)
    same = {one for one, state in expected.states.items() if states.get(one) == state}
    found: _Different = {}
    for change in expected.changes:
        if change.segment_id in same:
            found.setdefault(change.segment_id, {})[change.customer_id] = change.has_joined
    changed = versions.keys() - same
    return found | _different(session, answers, changed) if changed else found


def _different(session: Session, answers: Mapping[str, Answers], segment_ids: Collection[str]) -> _Different:
    """The answers that differ from the members, by segment and customer."""
    found: _Different = {}
    before = members_among(session, segment_ids, answers)
    for segments, customers in _evaluated_together(answers).items():
        for segment_id, belongs in zip(segments, zip(*customers.values(), strict=True), strict=True):
            if segment_id not in before:
                continue
            belonging, members = set(compress(customers, belongs)), before[segment_id] & customers.keys()
            if belonging != members:
                different = found.setdefault(segment_id, {})
                different |= dict.fromkeys(belonging - members, True) | dict.fromkeys(members - belonging, False)
    return found


def _evaluated_together(answers: Mapping[str, Answers]) -> Mapping[tuple[str, ...], Mapping[str, Sequence[bool]]]:
    """The answers of the customers for whom the same segments were evaluated, by those segments."""
    found: dict[tuple[str, ...], dict[str, Sequence[bool]]] = {}
    for customer_id, (segments, belongs) in answers.items():
        found.setdefault(segments, {})[customer_id] = belongs
    return found


def _states_after(states: Mapping[str, State], changes: Sequence[MemberChange]) -> dict[str, State]:
    after = dict(states)
    for change in changes:
        number, joined, left = after[change.segment_id]
        after[change.segment_id] = number, joined + change.has_joined, left + (not change.has_joined)
    return after


def _states(session: Session, segment_ids: Collection[str]) -> dict[str, State]:
    columns = SegmentRecord.id, SegmentSizeRecord.number, SegmentSizeRecord.joined, SegmentSizeRecord.left
    latest = select(*columns).join(SegmentSizeRecord, _IS_LATEST).where(SegmentRecord.id.in_(segment_ids))
    return {segment_id: (number, joined, left) for segment_id, number, joined, left in session.execute(latest)}
