"""Accounts on SQLite, as an admin in a terminal manages them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from loyalty_core.access import process_acts_as, terminal_viewer
from loyalty_core.accounts import ApiKeys, People, Roles, SignIn, Viewers
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from tests.fixtures.jobs import on_sqlite


@dataclass(frozen=True)
class Accounts:
    """All that is stored about who may do what."""

    store: StateStore
    viewers: Viewers
    people: People
    roles: Roles
    keys: ApiKeys


@pytest.fixture
def accounts(store: StateStore) -> Iterator[Accounts]:
    with process_acts_as(terminal_viewer()):
        yield accounts_of(store)


def accounts_of(store: StateStore, **settings: Any) -> Accounts:
    viewers = Viewers(store, Settings(sign_in="openid", **settings))
    changed = viewers.forget
    return Accounts(store, viewers, People(store, changed), Roles(store, changed), ApiKeys(store, changed))


def sign_in(
    email: str = "anna@example.com",
    subject: str = "1",
    at: datetime | None = None,
    *,
    trusted: bool = False,
    **more: Any,
) -> SignIn:
    """A sign-in by OpenID Connect, a moment ago."""
    issued = int((at or datetime.now(UTC)).timestamp())
    claims = {"iss": "https://id.example", "sub": subject, "iat": issued, "email": email, "email_verified": True}
    found = SignIn.from_claims(claims | more, trust_unverified_email=trusted)
    assert found is not None
    return found


__all__ = ["Accounts", "accounts", "accounts_of", "on_sqlite", "sign_in"]
