"""References to segments, by other segments and campaigns: each points to a segment in use, and there are no cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from loyalty_core.names import nearest_names
from loyalty_core.segments.errors import BadSegment, SegmentCycle, SegmentInUse
from loyalty_core.segments.references import field_of, references
from loyalty_core.segments.segment import Use
from loyalty_core.store.campaigns import CampaignRecord, segments_read
from loyalty_core.store.segments import SegmentRecord, SegmentReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def save_references(session: Session, record: SegmentRecord) -> None:
    """Save which segments the rule reads.

    Raises `BadSegment` if one does not exist or is archived, and `SegmentCycle`. The references of an archived segment
    are not checked until it is restored.
    """
    used = references(record.rule)
    known = {
        row.id: row for row in session.execute(select(SegmentRecord.id, SegmentRecord.name, SegmentRecord.archived_at))
    }
    names = {segment_id: row.name for segment_id, row in known.items()} | {record.id: record.name}
    if record.archived_at is None:
        for segment_id in used:
            if segment_id not in known:
                raise _unknown(segment_id, names)
            if known[segment_id].archived_at is not None:
                raise _archived(names[segment_id])
    chain = _way_back(session, record.id, used)
    if chain:
        raise SegmentCycle([names[segment_id] for segment_id in chain])
    session.execute(delete(SegmentReference).where(SegmentReference.segment_id == record.id))
    rows = [{"segment_id": record.id, "used_id": segment_id} for segment_id in used if segment_id in known]
    if rows:
        session.execute(insert(SegmentReference), rows)


def uses_of(session: Session, segment_id: str) -> list[Use]:
    """The segments that are not archived and the campaigns that have not ended which read this one, by name."""
    users = (
        select(SegmentRecord.id, SegmentRecord.name)
        .join(SegmentReference, SegmentReference.segment_id == SegmentRecord.id)
        .where(SegmentReference.used_id == segment_id, SegmentRecord.archived_at.is_(None))
        .order_by(SegmentRecord.name_key)
    )
    by_segments = [Use("segment", row.id, row.name) for row in session.execute(users)]
    campaigns = _campaigns(session)
    return by_segments + [Use("campaign", one, name) for one, name, read in campaigns if segment_id in read]


def all_uses(session: Session) -> dict[str, tuple[str, ...]]:
    """The names of the segments in use and of the campaigns that read each segment, by its id."""
    users = (
        select(SegmentReference.used_id, SegmentRecord.name)
        .join(SegmentRecord, SegmentRecord.id == SegmentReference.segment_id)
        .where(SegmentRecord.archived_at.is_(None))
        .order_by(SegmentRecord.name_key)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in session.execute(users):
        found[row.used_id] = (*found.get(row.used_id, ()), row.name)
    for _, name, read in _campaigns(session):
        for segment_id in read:
            found[segment_id] = (*found.get(segment_id, ()), name)
    return found


def require_unused(session: Session, record: SegmentRecord) -> None:
    """Raise `SegmentInUse` if a segment that is not archived, or a campaign that has not ended, reads this one."""
    users = uses_of(session, record.id)
    if users:
        raise SegmentInUse(record.name, users)


def _campaigns(session: Session) -> list[tuple[str, str, frozenset[str]]]:
    """Id and name of the campaigns that have not ended, by name, and ids of the segments that each reads."""
    columns = CampaignRecord.id, CampaignRecord.name, CampaignRecord.content
    statement = select(*columns).where(CampaignRecord.state != "ended").order_by(CampaignRecord.name_key)
    return [(row.id, row.name, segments_read(row.content)) for row in session.execute(statement)]


def _way_back(session: Session, start: str, used: tuple[str, ...]) -> list[str]:
    """The shortest chain of ids from `start` back to itself if its rule reads `used`; empty if there is none."""
    reads: dict[str, list[str]] = {}
    for row in session.execute(select(SegmentReference.segment_id, SegmentReference.used_id)):
        reads.setdefault(row.segment_id, []).append(row.used_id)
    reads[start] = list(used)
    came_from: dict[str, str] = {}
    waiting = [start]
    for segment_id in waiting:
        for next_id in reads.get(segment_id, ()):
            if next_id == start:
                return _chain(came_from, start, segment_id)
            if next_id not in came_from:
                came_from[next_id] = segment_id
                waiting.append(next_id)
    return []


def _chain(came_from: dict[str, str], start: str, last: str) -> list[str]:
    steps = [start]
    while last != start:
        steps.append(last)
        last = came_from[last]
    return [*steps, start][::-1]


def _unknown(segment_id: str, names: dict[str, str]) -> BadSegment:
    near = nearest_names(segment_id, names)
    hint = f"Nearest: {field_of(near[0])} (“{names[near[0]]}”)." if near else "Choose one from the list of segments."
    return BadSegment(f"There is no segment “{segment_id}”.", "The rule reads it.", hint)


def _archived(name: str) -> BadSegment:
    return BadSegment(
        f"The segment “{name}” is archived.", "The rule reads it.", "Restore it first, or remove it from the rule."
    )
