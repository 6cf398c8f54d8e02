"""API keys and a company's own roles."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from loyalty_core.access import Action, NotSignedIn, Role, Scope, Viewer, acting_as
from loyalty_core.accounts import RoleInUse, UnknownRole
from loyalty_core.accounts.errors import BadKey, BadRole
from loyalty_core.store.access import ApiKeyRecord
from tests.accounts.conftest import Accounts, on_sqlite, sign_in

NORTH = Scope.of({"==": [{"var": "region"}, "North"]})
SOUTH = Scope.of({"==": [{"var": "region"}, "South"]})


def regional(name: str, scope: Scope | None) -> Role:
    return Role(name, name.title(), frozenset({Action.VIEW, Action.EXPORT}), scope)


def test_a_key_acts_with_its_roles_until_it_is_revoked(accounts: Accounts):
    created = accounts.keys.create("CRM sync", ["analyst"])
    viewer = accounts.viewers.of_key(created.secret)
    assert (viewer.id, viewer.roles) == (f"API key {created.key.prefix}", {"analyst"})
    accounts.keys.revoke(created.key.prefix)
    with pytest.raises(NotSignedIn, match="revoked"):
        accounts.viewers.of_key(created.secret)


@on_sqlite
def test_the_secret_is_nowhere_but_in_the_answer(accounts: Accounts):
    created = accounts.keys.create("CRM sync", ["viewer"])
    assert created.secret not in repr(created)
    with accounts.store.session(read_only=True) as session:
        stored = session.get(ApiKeyRecord, created.key.prefix)
        assert stored is not None
        assert created.secret not in str(vars(stored))
    assert len(created.secret.split("_", 2)[2]) == 43  # 32 bytes


@on_sqlite
def test_another_secret_with_the_same_prefix_is_refused(accounts: Accounts):
    created = accounts.keys.create("CRM sync", ["viewer"])
    for wrong in (created.secret[:-1] + ("A" if created.secret[-1] != "A" else "B"), "", "lw_", "x" * 1000, "ø"):
        with pytest.raises(NotSignedIn, match="not valid"):
            accounts.viewers.of_key(wrong)


@on_sqlite
def test_a_key_expires(accounts: Accounts):
    created = accounts.keys.create("CRM sync", ["viewer"], days=1)
    assert accounts.viewers.of_key(created.secret).may(Action.VIEW)
    with accounts.store.session() as session:
        session.execute(update(ApiKeyRecord).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    accounts.viewers.forget()
    with pytest.raises(NotSignedIn, match="expired"):
        accounts.viewers.of_key(created.secret)


@on_sqlite
def test_its_last_use_is_recorded_at_most_once_a_minute(accounts: Accounts):
    created = accounts.keys.create("CRM sync", ["viewer"])
    accounts.viewers.of_key(created.secret)
    (first,) = accounts.keys.list()
    accounts.viewers.forget()
    accounts.viewers.of_key(created.secret)
    assert first.last_used_at is not None
    assert accounts.keys.list() == [first]


@on_sqlite
def test_the_key_of_a_person_does_no_more_than_they_may_now(accounts: Accounts):
    for person in ("anna@example.com", "ben@example.com"):
        accounts.people.grant(person, "admin")
    with acting_as(accounts.viewers.of_sign_in(sign_in())):
        created = accounts.keys.create("CRM sync", ["admin"])
    assert accounts.viewers.of_key(created.secret).may(Action.MANAGE_ACCESS)
    accounts.people.set_roles("anna@example.com", ["viewer"])
    assert accounts.viewers.of_key(created.secret).actions == {Action.VIEW}
    accounts.people.set_active("anna@example.com", active=False)
    with pytest.raises(NotSignedIn):
        accounts.viewers.of_key(created.secret)


@on_sqlite
def test_keys_need_a_name_and_a_role_that_exists(accounts: Accounts):
    with pytest.raises(BadKey):
        accounts.keys.create(" ", ["viewer"])
    with pytest.raises(BadKey):
        accounts.keys.create("CRM sync", [])
    with pytest.raises(BadKey):
        accounts.keys.create("CRM sync", ["viewer"], days=0)
    with pytest.raises(UnknownRole):
        accounts.keys.create("CRM sync", ["root"])


def test_an_own_role_brings_its_actions_and_its_scope(accounts: Accounts):
    accounts.roles.save(regional("north", NORTH))
    accounts.people.grant("anna@example.com", "north")
    viewer = accounts.viewers.of_sign_in(sign_in())
    assert (viewer.actions, viewer.scope) == ({Action.VIEW, Action.EXPORT}, NORTH)


@on_sqlite
def test_of_several_roles_the_most_permissive_wins(accounts: Accounts):
    accounts.roles.save(regional("north", NORTH))
    accounts.roles.save(regional("south", SOUTH))
    for role in ("north", "south"):
        accounts.people.grant("anna@example.com", role)
    both = Scope.of({"or": [{"==": [{"var": "region"}, "North"]}, {"==": [{"var": "region"}, "South"]}]})
    assert accounts.viewers.of_sign_in(here := sign_in()).scope == both
    accounts.people.grant("anna@example.com", "viewer")
    assert accounts.viewers.of_sign_in(here).scope is None


@on_sqlite
def test_a_key_sees_what_both_its_roles_and_its_owner_see(accounts: Accounts):
    accounts.roles.save(regional("north", NORTH))
    accounts.roles.save(Role("boss", "Boss", frozenset(Action), SOUTH))
    accounts.people.grant("anna@example.com", "boss")
    with acting_as(accounts.viewers.of_sign_in(sign_in())):
        created = accounts.keys.create("CRM sync", ["north"])
    both = {"and": [{"==": [{"var": "region"}, "North"]}, {"==": [{"var": "region"}, "South"]}]}
    assert accounts.viewers.of_key(created.secret).scope == Scope.of(both)


@on_sqlite
def test_a_role_in_use_cannot_be_deleted(accounts: Accounts):
    accounts.roles.save(regional("north", NORTH))
    accounts.people.grant("anna@example.com", "north")
    with pytest.raises(RoleInUse, match="given to anna"):
        accounts.roles.delete("north")
    accounts.people.revoke("anna@example.com", "north")
    accounts.roles.delete("north")
    assert "north" not in accounts.roles.all()


@on_sqlite
@pytest.mark.parametrize("name", ["admin", "Two words", "", "x" * 61])
def test_built_in_roles_are_fixed_and_names_are_plain(accounts: Accounts, name: str):
    with pytest.raises(BadRole):
        accounts.roles.save(regional(name, None))


@on_sqlite
def test_a_job_runs_with_the_roles_of_now(accounts: Accounts):
    accounts.people.grant("anna@example.com", "analyst")
    key = accounts.keys.create("CRM sync", ["viewer"]).key
    assert accounts.viewers.of_id("anna@example.com").may(Action.EXPORT)
    assert accounts.viewers.of_id(f"API key {key.prefix}").actions == {Action.VIEW}
    accounts.people.set_active("anna@example.com", active=False)
    for nobody in ("anna@example.com", "ben@example.com", "API key 00000000", "Local user"):
        with pytest.raises(NotSignedIn):
            accounts.viewers.of_id(nobody)
    assert isinstance(accounts.viewers.of_id("Local user (terminal)"), Viewer)
