"""Campaigns in the state store: saved with versions, submitted and approved, started, paused and ended."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from loyalty_core.access import Action, may, require
from loyalty_core.campaigns.campaign import Campaign, CampaignRun, CampaignVersion, campaign_of, run_of, version_of
from loyalty_core.campaigns.changes import differences
from loyalty_core.campaigns.definition import Definition
from loyalty_core.campaigns.edits import checked_name, note, record_of, require_free, write
from loyalty_core.campaigns.errors import (
    ApprovalNeeded,
    CampaignChanged,
    CampaignNotFound,
    CampaignState,
    OwnApproval,
)
from loyalty_core.campaigns.references import require_references
from loyalty_core.campaigns.schedule import next_run
from loyalty_core.store.campaigns import CampaignRecord, CampaignRunRecord, CampaignVersionRecord
from loyalty_core.store.versioned import editing, name_key, new_id, same_content

if TYPE_CHECKING:
    import builtins
    from collections.abc import Collection
    from zoneinfo import ZoneInfo

    from sqlalchemy.orm import Session

    from loyalty_core.campaigns.campaign import State
    from loyalty_core.store import StateStore

_RUNNING = "Pause it first; whoever may approve campaigns can also edit it while it runs."


class CampaignRepository:
    """All that is saved about campaigns.

    Every method raises `StateStoreUnavailable` if the database cannot be used, and those that take an id raise
    `CampaignNotFound`. Each change is written together with an audit event that names `actor`. Editing needs
    EDIT_CAMPAIGNS; starting, pausing, resuming and ending need RUN_CAMPAIGNS; approving needs APPROVE_CAMPAIGNS.
    """

    def __init__(self, store: StateStore, zone: ZoneInfo) -> None:
        """`zone` is the time zone that schedules are in."""
        self._store = store
        self._zone = zone

    def list(self, states: Collection[State] = ()) -> builtins.list[Campaign]:
        """Campaigns by name, all of them or those in one of the states."""
        wanted = select(CampaignRecord).order_by(CampaignRecord.name_key)
        if states:
            wanted = wanted.where(CampaignRecord.state.in_(states))
        with self._store.session(read_only=True) as session:
            return [campaign_of(record) for record in session.scalars(wanted)]

    def get(self, campaign_id: str) -> Campaign:
        """One campaign."""
        with self._store.session(read_only=True) as session:
            return campaign_of(record_of(session, campaign_id))

    def versions(self, campaign_id: str) -> builtins.list[CampaignVersion]:
        """Every version, newest first."""
        statement = select(CampaignVersionRecord).where(CampaignVersionRecord.campaign_id == campaign_id)
        with self._store.session(read_only=True) as session:
            record_of(session, campaign_id)
            found = session.scalars(statement.order_by(CampaignVersionRecord.number.desc()))
            return [version_of(one) for one in found]

    def runs(self, campaign_id: str, limit: int = 50) -> builtins.list[CampaignRun]:
        """The runs over the whole audience, newest first."""
        statement = select(CampaignRunRecord).where(CampaignRunRecord.campaign_id == campaign_id)
        with self._store.session(read_only=True) as session:
            record_of(session, campaign_id)
            found = session.scalars(statement.order_by(CampaignRunRecord.id.desc()).limit(limit))
            return [run_of(one) for one in found]

    def create(
        self, name: str, definition: Definition | None = None, *, actor: str, simulated: bool = False
    ) -> Campaign:
        """Save a new draft. Raises `CampaignNameTaken` and `BadCampaign`."""
        require(Action.EDIT_CAMPAIGNS)
        with editing(self._store) as session:
            return self._add(session, name, definition or Definition(), actor, ("Created.",), simulated=simulated)

    def duplicate(self, campaign_id: str, name: str, *, actor: str) -> Campaign:
        """Save a copy as a new draft, with a holdout and variants of its own."""
        require(Action.EDIT_CAMPAIGNS)
        with editing(self._store) as session:
            original = campaign_of(record_of(session, campaign_id))
            changes = (f"Copied from “{original.name}”.",)
            return self._add(session, name, original.definition, actor, changes, simulated=original.is_simulated)

    def update(
        self, campaign_id: str, name: str, definition: Definition, *, actor: str, expected_version: int
    ) -> Campaign:
        """Save the next version; none when nothing has changed.

        A version that was submitted becomes a draft again. A campaign that is running goes on with the new version for
        later entries, which needs APPROVE_CAMPAIGNS. Raises `CampaignChanged` where the newest version is not
        `expected_version`, `CampaignState`, `CampaignNameTaken` and `BadCampaign`.
        """
        require(Action.EDIT_CAMPAIGNS)
        with editing(self._store) as session:
            record = record_of(session, campaign_id, lock=True)
            if record.version != expected_version:
                raise CampaignChanged(record.name, record.version, record.updated_by, record.updated_at)
            return self._save(session, record, name, definition, actor, ())

    def restore(self, campaign_id: str, number: int, *, actor: str) -> Campaign:
        """Save version `number` again as the newest; raises as `update` does."""
        require(Action.EDIT_CAMPAIGNS)
        with editing(self._store) as session:
            record = record_of(session, campaign_id, lock=True)
            version = session.get(CampaignVersionRecord, (campaign_id, number))
            if version is None:
                raise CampaignNotFound(campaign_id, number)
            found = Definition.from_json(version.content)
            return self._save(session, record, version.name, found, actor, (f"Restored version {number}.",))

    def delete(self, campaign_id: str, *, actor: str) -> None:
        """Delete a campaign that was never started; raises `CampaignState` for others, whose results stay."""
        require(Action.EDIT_CAMPAIGNS)
        with editing(self._store) as session:
            record = record_of(session, campaign_id, lock=True)
            if record.started_at is not None:
                raise CampaignState(record.name, "deleted", "part of the history", "End it instead.")
            note(session, record, "deleted", actor)
            session.execute(delete(CampaignRecord).where(CampaignRecord.id == campaign_id))

    def submit(self, campaign_id: str, *, actor: str) -> Campaign:
        """Ask for the approval of the current version. Raises `CampaignState` and `CampaignIncomplete`."""
        require(Action.EDIT_CAMPAIGNS)
        with editing(self._store) as session:
            record = self._in_state(session, campaign_id, {"draft", "paused"}, "submitted", "Only a draft can be.")
            self._require_usable(session, record)
            record.submitted_by = actor
            if record.state == "draft":
                record.state = "awaiting_approval"
            note(session, record, "submitted", actor)
            return campaign_of(record)

    def approve(self, campaign_id: str, *, actor: str, version: int | None = None) -> Campaign:
        """Approve the submitted version, after which whoever has RUN_CAMPAIGNS may start it.

        Raises `OwnApproval` for whoever submitted it, and `CampaignChanged` where `version` is no longer the newest.
        """
        require(Action.APPROVE_CAMPAIGNS)
        with editing(self._store) as session:
            states = {"awaiting_approval", "paused"}
            record = self._in_state(session, campaign_id, states, "approved", "Submit it for approval first.")
            if record.submitted_by is None:
                raise CampaignState(record.name, "approved", record.state, "Submit it for approval first.")
            if record.submitted_by == actor:
                raise OwnApproval(record.name)
            if version not in {None, record.version}:
                raise CampaignChanged(record.name, record.version, record.updated_by, record.updated_at)
            record.approved_by, record.approved_version = actor, record.version
            if record.state == "awaiting_approval":
                record.state = "draft"
            note(session, record, "approved", actor)
            return campaign_of(record)

    def reject(self, campaign_id: str, *, actor: str, reason: str = "") -> Campaign:
        """Send the submitted version back as a draft."""
        require(Action.APPROVE_CAMPAIGNS)
        with editing(self._store) as session:
            record = self._in_state(session, campaign_id, {"awaiting_approval"}, "sent back", "Nobody submitted it.")
            record.state, record.submitted_by = "draft", None
            note(session, record, "rejected", actor, reason=reason[:500])
            return campaign_of(record)

    def start(self, campaign_id: str, *, actor: str, now: datetime | None = None) -> Campaign:
        """Start the campaign: from now on its trigger works.

        Raises `ApprovalNeeded` for a version that was not approved where the viewer may not approve campaigns,
        `CampaignIncomplete`, `BadCampaign` and `CampaignState`.
        """
        remedy = "An ended campaign stays ended: duplicate it."
        return self._run(campaign_id, {"draft", "awaiting_approval"}, "started", remedy, actor, now)

    def resume(self, campaign_id: str, *, actor: str, now: datetime | None = None) -> Campaign:
        """Go on with a paused campaign; runs that were due meanwhile are not made up for. Raises as `start` does."""
        return self._run(campaign_id, {"paused"}, "resumed", "Only a paused campaign can be.", actor, now)

    def pause(self, campaign_id: str, *, actor: str) -> Campaign:
        """Let nobody else enter, and keep what is queued until the campaign is resumed."""
        require(Action.RUN_CAMPAIGNS)
        with editing(self._store) as session:
            record = self._in_state(session, campaign_id, {"running"}, "paused", "Only a running campaign can be.")
            record.state, record.next_run_at = "paused", None
            note(session, record, "paused", actor)
            return campaign_of(record)

    def end(self, campaign_id: str, *, actor: str, now: datetime | None = None) -> Campaign:
        """End the campaign for good; what is queued is not sent any more."""
        require(Action.RUN_CAMPAIGNS)
        with editing(self._store) as session:
            record = self._in_state(session, campaign_id, {"running", "paused"}, "ended", "Delete a draft instead.")
            record.state, record.next_run_at, record.ended_at = "ended", None, now or datetime.now(UTC)
            note(session, record, "ended", actor)
            return campaign_of(record)

    def _run(
        self, campaign_id: str, states: Collection[str], verb: str, remedy: str, actor: str, now: datetime | None
    ) -> Campaign:
        require(Action.RUN_CAMPAIGNS)
        now = now or datetime.now(UTC)
        with editing(self._store) as session:
            record = self._in_state(session, campaign_id, states, verb, remedy)
            definition = self._require_usable(session, record)
            if record.approved_version != record.version:
                if not may(Action.APPROVE_CAMPAIGNS):
                    raise ApprovalNeeded(record.name, record.version)
                record.approved_by, record.approved_version = actor, record.version
            record.state, record.started_by = "running", actor
            record.started_at = record.started_at or now
            record.next_run_at = next_run(definition.trigger, now, self._zone)
            note(session, record, verb, actor)
            return campaign_of(record)

    def _require_usable(self, session: Session, record: CampaignRecord) -> Definition:
        definition = Definition.from_json(record.content)
        definition.require_complete()
        require_references(session, definition)
        return definition

    def _add(
        self,
        session: Session,
        name: str,
        definition: Definition,
        actor: str,
        changes: tuple[str, ...],
        *,
        simulated: bool,
    ) -> Campaign:
        name = checked_name(name)
        require_free(session, name)
        require_references(session, definition)
        now, taken = datetime.now(UTC), set(session.scalars(select(CampaignRecord.id)))
        record = CampaignRecord(
            id=new_id(name, taken, otherwise="campaign"),
            state="draft",
            salt=secrets.token_hex(16),
            owner=actor,
            version=0,
            created_at=now,
            is_simulated=simulated,
        )
        write(session, record, name, definition, actor, changes)
        note(session, record, "created", actor)
        return campaign_of(record)

    def _save(
        self,
        session: Session,
        record: CampaignRecord,
        name: str,
        definition: Definition,
        actor: str,
        changes: tuple[str, ...],
    ) -> Campaign:
        name = checked_name(name)
        different = differences(campaign_of(record), name, definition)
        if not different:
            return campaign_of(record)
        if record.state == "ended":
            raise CampaignState(record.name, "changed", "ended", "Duplicate it and change the copy.")
        if record.state == "running":
            if not may(Action.APPROVE_CAMPAIGNS):
                raise CampaignState(record.name, "changed", "running", _RUNNING)
            definition.require_complete()
        if name_key(name) != record.name_key:
            require_free(session, name, but=record.id)
        if not same_content(record.content, definition.to_json()):
            require_references(session, definition)
        write(session, record, name, definition, actor, (*changes, *different))
        if record.state == "running":
            record.approved_by, record.approved_version = actor, record.version
            record.next_run_at = next_run(definition.trigger, record.updated_at, self._zone)
        elif record.state == "awaiting_approval":
            record.state = "draft"
        record.submitted_by = None
        note(session, record, "updated", actor, changes=[*changes, *different])
        return campaign_of(record)

    def _in_state(
        self, session: Session, campaign_id: str, states: Collection[str], verb: str, remedy: str
    ) -> CampaignRecord:
        record = record_of(session, campaign_id, lock=True)
        if record.state not in states:
            raise CampaignState(record.name, verb, record.state, remedy)
        return record
