"""Which viewer a sign-in, an API key or the start of a job stands for; roles are read from the state store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, NoReturn

from cachetools import TTLCache
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from loyalty_core.access import ROLES, NotSignedIn, Scope, Viewer, acting_as, actions_of, scope_of, terminal_viewer
from loyalty_core.accounts.keys import digest_of, find_key, key_of
from loyalty_core.accounts.people import new_person
from loyalty_core.accounts.roles import held, roles_in
from loyalty_core.accounts.sign_in import PROXY
from loyalty_core.store import audit
from loyalty_core.store.access import ApiKeyRecord, EndedSignInRecord, PersonRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from loyalty_core.accounts.sign_in import SignIn
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore

# A change made by another process is noticed after this many seconds, one made here at once.
CACHE_SECONDS = 1.0
_FOR_KEYS = "Ask an admin for a new key."
_MAX_CACHED = 10_000
_SEEN_EVERY = timedelta(minutes=1)
# Streamlit's cookie is refused after 31 days; by then nobody can use an ended sign-in again.
_ENDED_KEPT = timedelta(days=32)
_KEY = "API key "


class Viewers:
    """Finds viewers. Every method raises `NotSignedIn` for somebody who may not act at all."""

    def __init__(self, store: StateStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._cached: TTLCache[str, Viewer] = TTLCache(_MAX_CACHED, CACHE_SECONDS)
        self._changes = 0
        self._lock = Lock()

    def cached(self, digest: str) -> Viewer | None:
        """The viewer found for this sign-in or key within the last second, without a look at the store."""
        with self._lock:
            try:
                return self._cached[digest]  # `get` would look twice
            except KeyError:
                return None

    def forget(self) -> None:
        """Read roles, people and keys again at the next look."""
        with self._lock:
            self._changes += 1
            self._cached.clear()

    def of_sign_in(self, sign_in: SignIn) -> Viewer:
        """The person who has signed in; somebody new is added, without a role unless DEFAULT_ROLE names one."""
        return self._found(sign_in.digest, lambda: self._read_sign_in(sign_in))

    def of_key(self, secret: str) -> Viewer:
        """The API key with this secret."""
        return self._found(digest_of(secret), lambda: self._read_key(secret))

    def of_id(self, viewer_id: str) -> Viewer:
        """The viewer with the id that started a job, with their current roles."""
        if self._settings.sign_in == "off" or viewer_id == terminal_viewer().id:
            return Viewer(viewer_id, frozenset(ROLES))
        with self._store.session(read_only=True) as session:
            if viewer_id.startswith(_KEY):
                record = session.get(ApiKeyRecord, viewer_id.removeprefix(_KEY))
                if record is None:
                    _refused(f"{viewer_id} does not exist.", _FOR_KEYS)
                return _viewer_of_key(session, record)
            person = session.get(PersonRecord, viewer_id)
            return _viewer_of(session, person) if person else _refused(f"{viewer_id} may not sign in.")

    def end(self, sign_in: SignIn) -> None:
        """Sign out: this one sign-in is refused from now on, also for whoever has copied its cookie."""
        now = datetime.now(UTC)
        with self._store.session() as session:
            session.merge(EndedSignInRecord(digest=sign_in.digest, ended_at=now))
            session.execute(delete(EndedSignInRecord).where(EndedSignInRecord.ended_at < now - _ENDED_KEPT))
        self.forget()

    def _found(self, digest: str, read: Callable[[], Viewer]) -> Viewer:
        with self._lock:
            found, changes = self._cached.get(digest), self._changes
        if found is not None:
            return found
        viewer = read()
        with self._lock:
            if changes == self._changes:  # not an answer from before a change
                self._cached[digest] = viewer
        return viewer

    def _read_sign_in(self, sign_in: SignIn) -> Viewer:
        now = datetime.now(UTC)
        if sign_in.at and now - sign_in.at > timedelta(hours=self._settings.sign_in_hours):
            _refused("Your sign-in has expired.")
        with self._store.session(read_only=True) as session:
            if session.get(EndedSignInRecord, sign_in.digest):
                _refused("You have signed out.")
            person = _person_of(session, sign_in)
            if person is not None and person.last_seen_at and now - person.last_seen_at < _SEEN_EVERY:
                return _viewer_of(session, person, sign_in.at)
        try:
            return self._see(sign_in, now)
        except IntegrityError:  # another request has added the person at this very moment
            return self._see(sign_in, now)

    def _see(self, sign_in: SignIn, now: datetime) -> Viewer:
        """Record that the person was here; adds somebody new."""
        with self._store.session() as session:
            person = _person_of(session, sign_in) or self._added(session, sign_in)
            if sign_in.issuer != PROXY:
                person.issuer, person.subject = sign_in.issuer, sign_in.subject
            person.name, person.last_seen_at = sign_in.name, now
            return _viewer_of(session, person, sign_in.at)

    def _added(self, session: Session, sign_in: SignIn) -> PersonRecord:
        known = session.get(PersonRecord, sign_in.person_id)
        # An address that another account has taken gives this one no right to that person's roles.
        person_id = sign_in.person_id if known is None else f"{sign_in.issuer}#{sign_in.subject}"
        roles = [self._settings.default_role] if self._settings.default_role else []
        person = new_person(session, person_id, sign_in.name, roles)
        # Whoever acts here is this person; asking for the current viewer would look for them again.
        with acting_as(Viewer(person_id, frozenset())):
            audit.record(
                session,
                action="signed in for the first time",
                subject_kind="person",
                subject_id=person_id,
                details={"roles": roles},
            )
        return person

    def _read_key(self, secret: str) -> Viewer:
        now = datetime.now(UTC)
        with self._store.session(read_only=True) as session:
            record = find_key(session, secret)
            if record is None:
                _refused("The API key is not valid.", _FOR_KEYS)
            viewer = _viewer_of_key(session, record)
            if record.last_used_at and now - record.last_used_at < _SEEN_EVERY:
                return viewer
        with self._store.session() as session:
            used = session.get(ApiKeyRecord, record.prefix)
            if used is not None:
                used.last_used_at = now
        return viewer


def _person_of(session: Session, sign_in: SignIn) -> PersonRecord | None:
    """By issuer and subject; at the first sign-in by the address that an admin has entered, and so behind a proxy."""
    if sign_in.issuer == PROXY:
        return session.get(PersonRecord, sign_in.subject)
    same = select(PersonRecord).where(PersonRecord.issuer == sign_in.issuer, PersonRecord.subject == sign_in.subject)
    person = session.scalar(same)
    if person is None and sign_in.email:
        person = session.get(PersonRecord, sign_in.email)
        if person is not None and person.subject is not None:
            return None
    return person


def _viewer_of(session: Session, person: PersonRecord, signed_in_at: datetime | None = None) -> Viewer:
    if not person.is_active:
        _refused(f"The account of {person.id} is deactivated.")
    if signed_in_at and person.sessions_valid_from and signed_in_at <= person.sessions_valid_from:
        _refused("You have been signed out everywhere.")
    roles = held(roles_in(session), person.roles)
    names = frozenset(role.name for role in roles)
    return Viewer(person.id, names, scope_of(roles), actions_of(roles), person.name)


def _viewer_of_key(session: Session, record: ApiKeyRecord) -> Viewer:
    if not key_of(record).is_usable(datetime.now(UTC)):
        what = "expired" if record.revoked_at is None else "been revoked"
        _refused(f"The API key has {what}.", _FOR_KEYS)
    roles = held(roles_in(session), record.roles)
    actions, scope = actions_of(roles), scope_of(roles)
    if record.owner is not None:
        owner = session.get(PersonRecord, record.owner)
        if owner is None:
            _refused("The owner of the API key no longer exists.", _FOR_KEYS)
        person = _viewer_of(session, owner)
        actions, scope = actions & person.actions, _both(scope, person.scope)
    names = frozenset(role.name for role in roles)
    return Viewer(f"{_KEY}{record.prefix}", names, scope, actions, f"{record.name} ({_KEY}{record.prefix})")


def _both(one: Scope | None, other: Scope | None) -> Scope | None:
    if one is None or other is None or one == other:
        return one or other
    return Scope.of({"and": [json.loads(one.rule), json.loads(other.rule)]})


def _refused(what: str, remedy: str = "Sign in again, or ask an admin.") -> NoReturn:
    raise NotSignedIn(what, remedy=remedy)
