"""API keys: made once, stored as a hash, with roles of their own."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.access import Action, require
from loyalty_core.accounts.errors import BadKey, KeyNotFound
from loyalty_core.accounts.roles import require_known
from loyalty_core.store import audit
from loyalty_core.store.access import ApiKeyRecord, PersonRecord

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Collection

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore

SUBJECT_KIND = "API key"
MAX_DAYS = 3650
_SHAPE = re.compile(r"lw_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_MAX_NAME_LENGTH = 100


@dataclass(frozen=True)
class ApiKey:
    """A key as lists show it, without its secret. `expires_at` None means never."""

    prefix: str
    name: str
    roles: tuple[str, ...]
    owner: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class NewKey:
    """A key that has just been created; its `secret` is shown once and stored nowhere."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        return f"NewKey({self.key!r})"


class ApiKeys:
    """Creates, lists and revokes API keys, for viewers with MANAGE_ACCESS."""

    def __init__(self, store: StateStore, on_change: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._on_change = on_change

    def create(self, name: str, roles: Collection[str], *, days: int | None = None) -> NewKey:
        """Create a key with these roles, valid for `days` days or without end.

        A person's key does no more than they may do themselves, now and later. Raises `BadKey` and `UnknownRole`.
        """
        viewer = require(Action.MANAGE_ACCESS)
        if not name.strip() or not roles:
            raise BadKey(
                "A key needs a name and at least one role.",
                remedy="Name it after the program that uses it, and choose a role.",
            )
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise BadKey(f"A key cannot be valid for {days} days.", remedy=f"Choose 1 to {MAX_DAYS}.")
        now = datetime.now(UTC)
        prefix = secrets.token_hex(4)
        secret = f"lw_{prefix}_{secrets.token_urlsafe(32)}"
        with self._store.session() as session:
            require_known(session, roles)
            record = ApiKeyRecord(
                prefix=prefix,
                digest=digest_of(secret),
                name=name.strip()[:_MAX_NAME_LENGTH],
                roles=sorted(roles),
                owner=viewer.id if session.get(PersonRecord, viewer.id) else None,
                created_at=now,
                expires_at=now + timedelta(days=days) if days else None,
            )
            session.add(record)
            details = {"name": record.name, "roles": record.roles, "days": days}
            audit.record(session, action="created", subject_kind=SUBJECT_KIND, subject_id=prefix, details=details)
        return NewKey(key_of(record), secret)

    def list(self) -> builtins.list[ApiKey]:
        """All keys, newest first."""
        require(Action.MANAGE_ACCESS)
        with self._store.session(read_only=True) as session:
            found = session.scalars(select(ApiKeyRecord).order_by(ApiKeyRecord.created_at.desc()))
            return [key_of(record) for record in found]

    def revoke(self, prefix: str) -> ApiKey:
        """End a key at once; raises `KeyNotFound`."""
        require(Action.MANAGE_ACCESS)
        with self._store.session() as session:
            record = session.get(ApiKeyRecord, prefix)
            if record is None:
                raise KeyNotFound(prefix)
            if record.revoked_at is None:
                record.revoked_at = datetime.now(UTC)
                audit.record(session, action="revoked", subject_kind=SUBJECT_KIND, subject_id=prefix)
        self._on_change()
        return key_of(record)


def key_of(record: ApiKeyRecord) -> ApiKey:
    return ApiKey(
        record.prefix,
        record.name,
        tuple(record.roles),
        record.owner,
        record.created_at,
        record.expires_at,
        record.last_used_at,
        record.revoked_at,
    )


def digest_of(secret: str) -> str:
    """The stored hash: a plain one suffices, since a key has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def prefix_of(secret: str) -> str | None:
    """The part of a key that may be shown; None if the text does not have the shape of a key."""
    found = _SHAPE.fullmatch(secret)
    return found[1] if found else None


def find_key(session: Session, secret: str) -> ApiKeyRecord | None:
    """The key with this secret, usable or not; compared in constant time."""
    prefix = prefix_of(secret)
    record = session.get(ApiKeyRecord, prefix) if prefix else None
    is_right = hmac.compare_digest(record.digest if record else "", digest_of(secret))
    return record if is_right else None
