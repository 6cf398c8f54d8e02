"""People and their roles, who signs in as whom, and how that ends."""

from datetime import UTC, datetime, timedelta

import pytest

from loyalty_core.access import Action, NotAllowed, NotSignedIn, Viewer, acting_as
from loyalty_core.accounts import BadAddress, LastAdmin, PersonNotFound, SignIn, UnknownRole
from loyalty_core.store import StateStore, audit
from tests.accounts.conftest import Accounts, accounts_of, on_sqlite, sign_in
from tests.workbench import Configure


def test_a_person_has_the_roles_that_they_were_given_before_signing_in(accounts: Accounts):
    accounts.people.grant("Anna@Example.com", "analyst")
    viewer = accounts.viewers.of_sign_in(sign_in(name="Anna Berg"))
    assert (viewer.id, viewer.name, viewer.roles) == ("anna@example.com", "Anna Berg", {"analyst"})
    assert viewer.may(Action.EXPORT)
    assert not viewer.may(Action.MANAGE_ACCESS)


@on_sqlite
def test_somebody_new_waits_without_a_role(accounts: Accounts):
    assert accounts.viewers.of_sign_in(sign_in()).actions == frozenset()
    assert [(one.id, one.roles) for one in accounts.people.list()] == [("anna@example.com", ())]


@on_sqlite
def test_a_default_role_is_given_to_somebody_new_alone(store: StateStore):
    accounts = accounts_of(store, default_role="viewer")
    accounts.people.grant("anna@example.com", "admin")
    assert accounts.viewers.of_sign_in(sign_in()).roles == {"admin"}
    assert accounts.viewers.of_sign_in(sign_in("ben@example.com", "2")).roles == {"viewer"}


@on_sqlite
@pytest.mark.parametrize("verified", [False, None, "true"])
def test_an_address_that_is_not_verified_gives_no_roles(accounts: Accounts, verified: object):
    accounts.people.grant("anna@example.com", "admin")
    viewer = accounts.viewers.of_sign_in(sign_in(email_verified=verified))
    assert (viewer.id, viewer.actions) == ("https://id.example#1", frozenset())
    assert accounts.viewers.of_sign_in(sign_in(subject="2", email_verified=verified, trusted=True)).roles == {"admin"}


@on_sqlite
def test_an_address_that_another_account_has_used_gives_no_roles(accounts: Accounts):
    accounts.people.grant("anna@example.com", "admin")
    accounts.viewers.of_sign_in(sign_in())
    stranger = accounts.viewers.of_sign_in(sign_in(subject="2"))
    assert (stranger.id, stranger.actions) == ("https://id.example#2", frozenset())
    assert accounts.viewers.of_sign_in(sign_in(email="new@example.com")).roles == {"admin"}


@on_sqlite
def test_roles_among_the_claims_are_ignored(accounts: Accounts):
    assert accounts.viewers.of_sign_in(sign_in(roles=["admin"], groups=["admin"])).actions == frozenset()


@on_sqlite
def test_a_withdrawn_role_is_gone_at_once(accounts: Accounts):
    accounts.people.grant("anna@example.com", "analyst")
    here = sign_in()
    assert accounts.viewers.of_sign_in(here).may(Action.EXPORT)
    accounts.people.revoke("anna@example.com", "analyst")
    assert not accounts.viewers.of_sign_in(here).may(Action.EXPORT)


@on_sqlite
def test_another_process_notices_a_change_without_a_restart(accounts: Accounts):
    accounts.people.grant("anna@example.com", "analyst")
    other = accounts_of(accounts.store)
    here = sign_in()
    assert other.viewers.of_sign_in(here).may(Action.EXPORT)
    accounts.people.revoke("anna@example.com", "analyst")
    other.viewers.forget()  # as a second later
    assert not other.viewers.of_sign_in(here).may(Action.EXPORT)


@on_sqlite
def test_whoever_signs_out_ends_this_sign_in_alone(accounts: Accounts):
    here, elsewhere = sign_in(nonce="a"), sign_in(nonce="b")
    for one in (here, elsewhere):
        accounts.viewers.of_sign_in(one)
    accounts.viewers.end(here)
    with pytest.raises(NotSignedIn, match="signed out"):
        accounts.viewers.of_sign_in(here)
    assert accounts.viewers.of_sign_in(elsewhere).id == "anna@example.com"


@on_sqlite
def test_signing_out_everywhere_ends_every_earlier_sign_in(accounts: Accounts):
    before = sign_in(at=datetime.now(UTC) - timedelta(minutes=1))
    accounts.viewers.of_sign_in(before)
    accounts.people.end_sessions("anna@example.com")
    with pytest.raises(NotSignedIn, match="signed out everywhere"):
        accounts.viewers.of_sign_in(before)
    assert accounts.viewers.of_sign_in(sign_in(at=datetime.now(UTC) + timedelta(minutes=1))).id == "anna@example.com"


@on_sqlite
def test_a_sign_in_expires(accounts: Accounts):
    with pytest.raises(NotSignedIn, match="expired"):
        accounts.viewers.of_sign_in(sign_in(at=datetime.now(UTC) - timedelta(hours=13)))


@on_sqlite
def test_whoever_is_deactivated_is_locked_out(accounts: Accounts):
    here = sign_in()
    accounts.viewers.of_sign_in(here)
    accounts.people.set_active("anna@example.com", active=False)
    with pytest.raises(NotSignedIn, match="deactivated"):
        accounts.viewers.of_sign_in(here)
    accounts.people.set_active("anna@example.com", active=True)
    assert accounts.viewers.of_sign_in(here).id == "anna@example.com"


def test_the_last_admin_stays(accounts: Accounts):
    accounts.people.grant("anna@example.com", "admin")
    with pytest.raises(LastAdmin):
        accounts.people.revoke("anna@example.com", "admin")
    with pytest.raises(LastAdmin):
        accounts.people.set_active("anna@example.com", active=False)
    with pytest.raises(LastAdmin):
        accounts.people.set_roles("anna@example.com", ["viewer"])
    accounts.people.grant("ben@example.com", "admin")
    assert accounts.people.revoke("anna@example.com", "admin").roles == ()


@on_sqlite
def test_unknown_people_and_roles_are_refused(accounts: Accounts):
    with pytest.raises(UnknownRole):
        accounts.people.grant("anna@example.com", "root")
    assert accounts.people.list() == []
    with pytest.raises(PersonNotFound):
        accounts.people.revoke("anna@example.com", "viewer")


@on_sqlite
@pytest.mark.parametrize("role", ["viewer", "analyst", "data_scientist"])
def test_only_an_admin_manages_people(accounts: Accounts, role: str):
    with acting_as(Viewer("anna", frozenset({role}))):
        for attempt in (
            accounts.people.list,
            lambda: accounts.people.grant("anna", "admin"),
            lambda: accounts.people.revoke("anna", "admin"),
            lambda: accounts.people.set_roles("anna", ["admin"]),
            lambda: accounts.people.set_active("anna", active=True),
            lambda: accounts.people.end_sessions("anna"),
            lambda: accounts.keys.create("crm", ["admin"]),
            accounts.keys.list,
            lambda: accounts.keys.revoke("00000000"),
            lambda: accounts.roles.delete("regional"),
        ):
            with pytest.raises(NotAllowed):
                attempt()


def test_every_change_is_in_the_audit_trail(accounts: Accounts):
    accounts.people.grant("anna@example.com", "admin")
    accounts.people.end_sessions("anna@example.com")
    with accounts.store.session(read_only=True) as session:
        events = [(one.actor, one.place, one.action, one.subject_id) for one in audit.recent(session)]
    terminal = ("Local user (terminal)", "terminal")
    assert events == [
        (*terminal, "signed out everywhere", "anna@example.com"),
        (*terminal, "given roles", "anna@example.com"),
    ]


@on_sqlite
def test_behind_a_proxy_people_are_known_by_the_name_it_sends(accounts: Accounts):
    accounts.people.grant("anna@example.com", "analyst")
    there = SignIn.from_proxy(" Anna@example.com ")
    assert there is not None
    assert accounts.viewers.of_sign_in(there).roles == {"analyst"}
    accounts.people.set_active("anna@example.com", active=False)
    with pytest.raises(NotSignedIn):
        accounts.viewers.of_sign_in(there)


@pytest.mark.parametrize("name", ["", "  ", "Local user (terminal)", "a\nb", "x" * 256])
def test_names_that_could_be_taken_for_another_are_nobody(name: str):
    assert SignIn.from_proxy(name) is None


@pytest.mark.parametrize("claims", [{}, {"iss": "a"}, {"iss": "a", "sub": "b"}, {"iss": "a", "sub": "b", "iat": True}])
def test_claims_that_name_nobody_are_refused(claims: dict[str, object]):
    assert SignIn.from_claims(claims, trust_unverified_email=False) is None


@on_sqlite
@pytest.mark.parametrize("address", ["", "anna berg@example.com", "anna", "@", "a@b@c", "x" * 300])
def test_somebody_whom_no_sign_in_could_name_is_not_added(accounts: Accounts, configure: Configure, address: str):
    configure(sign_in="openid")
    with pytest.raises(BadAddress, match="Nobody can sign in as"):
        accounts.people.grant(address, "viewer")
    with pytest.raises(PersonNotFound):
        accounts.people.revoke(address, "viewer")
    assert accounts.people.list() == []


@on_sqlite
def test_a_proxy_may_name_people_as_it_likes(accounts: Accounts, configure: Configure):
    configure(sign_in="proxy", trusted_proxies="192.0.2.1")
    assert accounts.people.grant("Anna", "viewer").id == "anna"
