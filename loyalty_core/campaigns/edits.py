"""Changes to campaigns within a session, each with a version and an audit event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from loyalty_core.campaigns.errors import BadCampaign, CampaignNameTaken, CampaignNotFound
from loyalty_core.names import checked_text, look_alike
from loyalty_core.store.campaigns import CampaignRecord, CampaignVersionRecord
from loyalty_core.store.versioned import MAX_NAME_LENGTH, name_key, record_change

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from loyalty_core.campaigns.definition import Definition

SUBJECT_KIND = "campaign"


def record_of(session: Session, campaign_id: str, *, lock: bool = False) -> CampaignRecord:
    """The row of the campaign; `lock` prevents changes by others. Raises `CampaignNotFound`."""
    statement = select(CampaignRecord).where(CampaignRecord.id == campaign_id)
    record = session.scalar(statement.with_for_update(key_share=True) if lock else statement)
    if record is None:
        raise CampaignNotFound(campaign_id)
    return record


def write(
    session: Session,
    record: CampaignRecord,
    name: str,
    definition: Definition,
    actor: str,
    changes: tuple[str, ...],
) -> None:
    """Write the definition to the campaign, and as a new version."""
    record.name, record.name_key, record.content = name, name_key(name), definition.to_json()
    record.version += 1
    record.updated_at, record.updated_by = datetime.now(UTC), actor
    session.add(record)
    # SQLAlchemy would miss a change from 1 to true, which are equal in Python.
    flag_modified(record, "content")
    session.flush()
    session.add(
        CampaignVersionRecord(
            campaign_id=record.id,
            number=record.version,
            at=record.updated_at,
            actor=actor,
            changes=list(changes),
            name=name,
            content=record.content,
        )
    )


def note(session: Session, record: CampaignRecord, action: str, actor: str, **details: object) -> None:
    """Add the audit event of a change."""
    record_change(session, record, action, actor=actor, subject_kind=SUBJECT_KIND, **details)


def require_free(session: Session, name: str, *, but: str | None = None) -> None:
    """Raise `CampaignNameTaken` where another campaign than the one with the id `but` has the name, or a look-alike."""
    rows = session.execute(select(CampaignRecord.id, CampaignRecord.name))
    names = [other for other_id, other in rows if other_id != but]
    same = next((other for other in names if name_key(other) == name_key(name)), None)
    if taken := same or look_alike(name, names):
        raise CampaignNameTaken(taken, looks_alike=same is None)


def checked_name(name: str) -> str:
    """The name without blanks around and between its words; raises `BadCampaign` where it cannot be saved."""
    text = " ".join(name.split())
    if not text:
        raise BadCampaign("The name is blank.", remedy="Give the campaign a name.")
    return checked_text("name", text, MAX_NAME_LENGTH, BadCampaign)
