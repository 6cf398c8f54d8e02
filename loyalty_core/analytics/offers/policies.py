"""Named offer policies in the state store, with their version history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.orm.attributes import flag_modified

from loyalty_core.access import Action, require
from loyalty_core.analytics.offers.errors import BadPolicy, PolicyChanged, PolicyInUse, PolicyNameTaken, PolicyNotFound
from loyalty_core.analytics.offers.policy import Policy
from loyalty_core.names import checked_text, look_alike
from loyalty_core.segments.errors import PersonalDataHidden
from loyalty_core.segments.masked_rules import as_seen_in, reads_any
from loyalty_core.store.campaigns import CampaignRecord, policy_read
from loyalty_core.store.offer_policies import OfferPolicyRecord, OfferPolicyVersionRecord
from loyalty_core.store.versioned import MAX_NAME_LENGTH, editing, name_key, new_id, record_change, same_content

if TYPE_CHECKING:
    import builtins

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import Warehouse

SUBJECT_KIND = "offer policy"


@dataclass(frozen=True)
class SavedPolicy:
    """The current version of a named policy."""

    id: str
    name: str
    policy: Policy
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True)
class PolicyVersion:
    """One version of a policy."""

    number: int
    at: datetime
    actor: str
    name: str
    policy: Policy


def find_policy(session: Session, policy_id: str) -> Policy | None:
    """The saved policy, read in a session that is under way; None where there is none."""
    record = session.get(OfferPolicyRecord, policy_id)
    return Policy.from_json(record.content) if record else None


class PolicyRepository:
    """The saved offer policies. Rules are not checked here: bind a policy before saving it.

    Every method raises `StateStoreUnavailable` if the database cannot be used. Each change is written together with an
    audit event that names `actor`.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def list(self) -> builtins.list[SavedPolicy]:
        """Every policy, by name."""
        with self._store.session(read_only=True) as session:
            return [_saved(one) for one in session.scalars(select(OfferPolicyRecord).order_by("name_key"))]

    def get(self, policy_id: str) -> SavedPolicy:
        """One policy; raises `PolicyNotFound`."""
        with self._store.session(read_only=True) as session:
            return _saved(_record(session, policy_id))

    def versions(self, policy_id: str) -> builtins.list[PolicyVersion]:
        """Every version, newest first; raises `PolicyNotFound`."""
        statement = select(OfferPolicyVersionRecord).where(OfferPolicyVersionRecord.policy_id == policy_id)
        with self._store.session(read_only=True) as session:
            _record(session, policy_id)
            found = session.scalars(statement.order_by(OfferPolicyVersionRecord.number.desc()))
            return [
                PolicyVersion(one.number, one.at, one.actor, one.name, Policy.from_json(one.content)) for one in found
            ]

    def uses(self, policy_id: str) -> builtins.list[str]:
        """Names of the campaigns that have not ended and use the policy; raises `PolicyNotFound`."""
        with self._store.session(read_only=True) as session:
            _record(session, policy_id)
            return _campaigns_with(session, policy_id)

    def save(self, name: str, policy: Policy, *, actor: str, expected_version: int | None = None) -> SavedPolicy:
        """Save a new policy, or with `expected_version` the next version of the policy with that name.

        There is no new version if nothing has changed. Raises `PolicyNameTaken` if the name of a new policy is taken,
        `PolicyChanged` if the newest version is not the expected one, and `BadPolicy`. Needs EDIT_POLICIES, as does
        `delete`.
        """
        require(Action.EDIT_POLICIES)
        name = _checked_name(name)
        with editing(self._store) as session:
            record = session.scalar(select(OfferPolicyRecord).where(OfferPolicyRecord.name_key == name_key(name)))
            if record is None:
                _refuse_look_alike(session, name)
                record = _new_record(session, name)
            elif expected_version is None:
                raise PolicyNameTaken(record.name)
            elif record.version != expected_version:
                raise PolicyChanged(record.name, record.version, record.updated_by, record.updated_at)
            if record.version == 0 or record.name != name or not same_content(record.content, policy.to_json()):
                _write(session, record, name, policy, actor)
            return _saved(record)

    def delete(self, policy_id: str, *, actor: str) -> None:
        """Delete the policy and its versions; raises `PolicyNotFound`, and `PolicyInUse` while a campaign uses it."""
        require(Action.EDIT_POLICIES)
        with editing(self._store) as session:
            record = _record(session, policy_id)
            if campaigns := _campaigns_with(session, policy_id):
                raise PolicyInUse(record.name, campaigns)
            record_change(session, record, "deleted", actor=actor, subject_kind=SUBJECT_KIND)
            session.execute(delete(OfferPolicyRecord).where(OfferPolicyRecord.id == policy_id))


class RestrictedPolicies(PolicyRepository):
    """The saved policies of viewers who may not see personal data: without the values that eligibility rules compare.

    Such a rule cannot be used by these viewers, only seen.
    """

    def __init__(self, store: StateStore, warehouse: Warehouse) -> None:
        super().__init__(store)
        self._warehouse = warehouse

    def list(self) -> builtins.list[SavedPolicy]:
        """Every policy, by name."""
        return [self._seen(one) for one in super().list()]

    def get(self, policy_id: str) -> SavedPolicy:
        """One policy."""
        return self._seen(super().get(policy_id))

    def versions(self, policy_id: str) -> builtins.list[PolicyVersion]:
        """Every version, newest first."""
        return [replace(one, policy=self._masked(one.policy)) for one in super().versions(policy_id)]

    def save(self, name: str, policy: Policy, *, actor: str, expected_version: int | None = None) -> SavedPolicy:
        """Save a policy; raises `PersonalDataHidden` for a rule that reads a hidden column, whose values are masks."""
        hidden = self._warehouse.hidden
        if used := [one for one in hidden if any(reads_any(terms.rule, [one]) for terms in policy.offers.values())]:
            raise PersonalDataHidden(used)
        return super().save(name, policy, actor=actor, expected_version=expected_version)

    def _seen(self, saved: SavedPolicy) -> SavedPolicy:
        return replace(saved, policy=self._masked(saved.policy))

    def _masked(self, policy: Policy) -> Policy:
        rules = {offer: as_seen_in(self._warehouse, terms.rule) for offer, terms in policy.offers.items()}
        return Policy({offer: replace(terms, rule=rules[offer]) for offer, terms in policy.offers.items()})


def _record(session: Session, policy_id: str) -> OfferPolicyRecord:
    record = session.get(OfferPolicyRecord, policy_id)
    if record is None:
        raise PolicyNotFound(policy_id)
    return record


def _campaigns_with(session: Session, policy_id: str) -> list[str]:
    statement = select(CampaignRecord.name, CampaignRecord.content).where(CampaignRecord.state != "ended")
    rows = session.execute(statement.order_by(CampaignRecord.name_key))
    return [row.name for row in rows if policy_read(row.content) == policy_id]


def _new_record(session: Session, name: str) -> OfferPolicyRecord:
    taken = set(session.scalars(select(OfferPolicyRecord.id)))
    return OfferPolicyRecord(id=new_id(name, taken, otherwise="policy"), version=0, created_at=datetime.now(UTC))


def _refuse_look_alike(session: Session, name: str) -> None:
    alike = look_alike(name, session.scalars(select(OfferPolicyRecord.name)))
    if alike is not None:
        raise PolicyNameTaken(alike, looks_alike=True)


def _write(session: Session, record: OfferPolicyRecord, name: str, policy: Policy, actor: str) -> None:
    """Update the record to the policy, and add a version."""
    record.name, record.name_key, record.content = name, name_key(name), policy.to_json()
    record.version += 1
    record.updated_at, record.updated_by = datetime.now(UTC), actor
    session.add(record)
    # SQLAlchemy would miss a change from 1 to true, which are equal in Python.
    flag_modified(record, "content")
    session.flush()
    session.add(
        OfferPolicyVersionRecord(
            policy_id=record.id,
            number=record.version,
            at=record.updated_at,
            actor=actor,
            name=name,
            content=record.content,
        )
    )
    action = "created" if record.version == 1 else "updated"
    record_change(session, record, action, actor=actor, subject_kind=SUBJECT_KIND)


def _saved(record: OfferPolicyRecord) -> SavedPolicy:
    return SavedPolicy(
        id=record.id,
        name=record.name,
        policy=Policy.from_json(record.content),
        version=record.version,
        created_at=record.created_at,
        updated_at=record.updated_at,
        updated_by=record.updated_by,
    )


def _checked_name(name: str) -> str:
    text = " ".join(name.split())
    if not text:
        raise BadPolicy("The name is blank.", remedy="Enter a name for the policy.")
    return checked_text("name", text, MAX_NAME_LENGTH, BadPolicy)
