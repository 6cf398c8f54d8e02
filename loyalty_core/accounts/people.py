"""People who may sign in, and their roles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.access import ADMIN, Action, require
from loyalty_core.accounts.errors import BadAddress, LastAdmin, PersonNotFound
from loyalty_core.accounts.roles import require_known
from loyalty_core.accounts.sign_in import normalized_id
from loyalty_core.settings import get_settings
from loyalty_core.store import audit
from loyalty_core.store.access import PersonRecord

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Collection

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore

SUBJECT_KIND = "person"
_ADDRESS = re.compile(r"[^@]+@[^@]+")


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in, or may; without a role, they wait for an admin."""

    id: str
    name: str
    roles: tuple[str, ...]
    is_active: bool
    has_signed_in: bool
    created_at: datetime
    last_seen_at: datetime | None


class People:
    """Everybody who may sign in. Changes need MANAGE_ACCESS, and are recorded in the audit trail.

    Methods that take an id raise `PersonNotFound`; those that take roles raise `UnknownRole`.
    """

    def __init__(self, store: StateStore, on_change: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._on_change = on_change

    def list(self) -> builtins.list[Person]:
        """Everybody, by id."""
        require(Action.MANAGE_ACCESS)
        with self._store.session(read_only=True) as session:
            return [person_of(record) for record in session.scalars(select(PersonRecord).order_by(PersonRecord.id))]

    def grant(self, person_id: str, role: str) -> Person:
        """Give a person a role; somebody who has not signed in yet is added. Raises `BadAddress` if nobody could be."""

        def change(record: PersonRecord) -> None:
            record.roles = sorted({*record.roles, role})

        return self._change(person_id, "given roles", change, roles=[role], may_add=True)

    def revoke(self, person_id: str, role: str) -> Person:
        """Take a role from a person; no change if they do not have it. Raises `LastAdmin`."""

        def change(record: PersonRecord) -> None:
            record.roles = sorted({*record.roles} - {role})

        return self._change(person_id, "given roles", change)

    def set_roles(self, person_id: str, roles: Collection[str]) -> Person:
        """Give a person exactly these roles. Raises `LastAdmin`."""

        def change(record: PersonRecord) -> None:
            record.roles = sorted(roles)

        return self._change(person_id, "given roles", change, roles=roles)

    def set_active(self, person_id: str, *, active: bool) -> Person:
        """Let a person sign in again, or lock them out at once, with every key they created. Raises `LastAdmin`."""

        def change(record: PersonRecord) -> None:
            record.is_active = active

        return self._change(person_id, "activated" if active else "deactivated", change)

    def end_sessions(self, person_id: str) -> Person:
        """Sign a person out everywhere: every sign-in up to now ends."""

        def change(record: PersonRecord) -> None:
            record.sessions_valid_from = datetime.now(UTC)

        return self._change(person_id, "signed out everywhere", change)

    def _change(
        self,
        person_id: str,
        action: str,
        change: Callable[[PersonRecord], None],
        *,
        roles: Collection[str] = (),
        may_add: bool = False,
    ) -> Person:
        require(Action.MANAGE_ACCESS)
        with self._store.session() as session:
            require_known(session, roles)
            record = _find(session, person_id, may_add=may_add)
            if was_admin := _is_admin(record):
                # One after the other, lest two admins take the role from each other at the same moment.
                session.execute(select(PersonRecord.id).order_by(PersonRecord.id).with_for_update())
            change(record)
            if was_admin and not _is_admin(record):
                _require_another_admin(session, record.id)
            details = {"roles": record.roles}
            audit.record(session, action=action, subject_kind=SUBJECT_KIND, subject_id=record.id, details=details)
        self._on_change()
        return person_of(record)


def person_of(record: PersonRecord) -> Person:
    return Person(
        record.id,
        record.name,
        tuple(record.roles),
        record.is_active,
        record.last_seen_at is not None,
        record.created_at,
        record.last_seen_at,
    )


def new_person(session: Session, person_id: str, name: str, roles: Collection[str] = ()) -> PersonRecord:
    """Add a person who has not signed in yet."""
    record = PersonRecord(
        id=person_id, name=name, roles=sorted(roles), is_active=True, created_at=datetime.now(UTC), last_seen_at=None
    )
    session.add(record)
    return record


def _find(session: Session, person_id: str, *, may_add: bool) -> PersonRecord:
    wanted = normalized_id(person_id)
    record = session.get(PersonRecord, person_id) or (session.get(PersonRecord, wanted) if wanted else None)
    if record is not None:
        return record
    if not may_add:
        raise PersonNotFound(person_id)
    # An identity provider names whoever is added before they sign in by their e-mail address, a proxy as it likes.
    if wanted is None or (get_settings().sign_in == "openid" and not _ADDRESS.fullmatch(wanted)):
        raise BadAddress(person_id)
    return new_person(session, wanted, wanted)


def _is_admin(record: PersonRecord) -> bool:
    return record.is_active and ADMIN in record.roles


def _require_another_admin(session: Session, person_id: str) -> None:
    others = session.scalars(select(PersonRecord).where(PersonRecord.id != person_id))
    if not any(_is_admin(other) for other in others):
        raise LastAdmin(person_id)
