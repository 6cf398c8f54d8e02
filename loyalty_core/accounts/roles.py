"""Custom roles beside the built-in ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.access import ROLES, Action, Role, Scope, require
from loyalty_core.accounts.errors import BadRole, RoleInUse, UnknownRole
from loyalty_core.store import audit
from loyalty_core.store.access import ApiKeyRecord, OwnRoleRecord, PersonRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore

SUBJECT_KIND = "role"
_NAME = re.compile("[a-z][a-z0-9_]{0,59}")


class Roles:
    """The built-in roles, which are fixed, and custom roles, which those who manage access may change."""

    def __init__(self, store: StateStore, on_change: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._on_change = on_change

    def all(self) -> dict[str, Role]:
        """Every role by its name, built-in ones first."""
        with self._store.session(read_only=True) as session:
            return roles_in(session)

    def save(self, role: Role) -> None:
        """Create a custom role, or replace the one of that name. Raises `BadRole`."""
        require(Action.MANAGE_ACCESS)
        if not _NAME.fullmatch(role.name) or role.name in ROLES:
            raise BadRole(
                f"{role.name[:60]!r} cannot be the name of a role.",
                "It is the name of a built-in role." if role.name in ROLES else "",
                "Choose another name, of lower-case letters, digits and _, such as regional_analyst.",
            )
        if not role.title.strip():
            raise BadRole("The role has no title.", remedy="Give it the name that people should see.")
        details = {"actions": sorted(role.actions), "scope": role.scope.rule if role.scope else None}
        with self._store.session() as session:
            session.merge(OwnRoleRecord(name=role.name, title=role.title.strip()[:100], **details))
            audit.record(session, action="saved", subject_kind=SUBJECT_KIND, subject_id=role.name, details=details)
        self._on_change()

    def delete(self, name: str) -> None:
        """Delete a custom role; raises `RoleInUse` while a person or key has it, and `UnknownRole`."""
        require(Action.MANAGE_ACCESS)
        with self._store.session() as session:
            record = session.get(OwnRoleRecord, name)
            if record is None:
                raise UnknownRole(name, session.scalars(select(OwnRoleRecord.name)).all())
            holders = [one.id for one in session.scalars(select(PersonRecord)) if name in one.roles]
            keys = session.scalars(select(ApiKeyRecord).where(ApiKeyRecord.revoked_at.is_(None)))
            holders += [f"API key {one.prefix}" for one in keys if name in one.roles]
            if holders:
                raise RoleInUse(name, holders)
            session.delete(record)
            audit.record(session, action="deleted", subject_kind=SUBJECT_KIND, subject_id=name)
        self._on_change()


def roles_in(session: Session) -> dict[str, Role]:
    """Every role by its name; actions that a newer version knows are ignored."""
    known = frozenset(Action)
    own = {
        record.name: Role(
            record.name,
            record.title,
            frozenset(Action(name) for name in record.actions if name in known),
            Scope(record.scope) if record.scope is not None else None,
        )
        for record in session.scalars(select(OwnRoleRecord).order_by(OwnRoleRecord.title))
    }
    return ROLES | {name: role for name, role in own.items() if name not in ROLES}


def require_known(session: Session, names: Iterable[str]) -> None:
    """Raises `UnknownRole` for the first name that no role has."""
    known = roles_in(session)
    for name in names:
        if name not in known:
            raise UnknownRole(name, known)


def held(roles: dict[str, Role], names: Collection[str]) -> list[Role]:
    """The roles of these names; one that has been deleted allows nothing."""
    return [roles[name] for name in names if name in roles]
