"""Policies in state stores on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from loyalty_core.analytics.offers import (
    BadPolicy,
    OfferTerms,
    Policy,
    PolicyNotFound,
    PolicyRepository,
    RestrictedPolicies,
)
from loyalty_core.analytics.offers.errors import PolicyChanged, PolicyNameTaken
from loyalty_core.analytics.offers.policies import SUBJECT_KIND
from loyalty_core.segments import PersonalDataHidden
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore, audit
from loyalty_core.warehouse import RestrictedWarehouse, Restriction, Warehouse

PLAIN, PUSHED = Policy({1: OfferTerms(), 2: OfferTerms()}), Policy({1: OfferTerms(2.0, 7.5, 50, {"a": True})})


@pytest.fixture
def policies(store: StateStore) -> PolicyRepository:
    return PolicyRepository(store)


@pytest.fixture
def restricted(demo_warehouse: Path) -> Iterator[RestrictedWarehouse]:
    whole = Warehouse(Settings(dwh_url=f"duckdb:///{demo_warehouse}"))
    yield RestrictedWarehouse(whole, Restriction(None, hides_personal_data=True))
    whole.close()


def actions(store: StateStore) -> list[tuple[str, str, int]]:
    with store.session(read_only=True) as session:
        found = audit.recent(session, subject_kind=SUBJECT_KIND)
        return [(event.actor, event.action, event.details["version"]) for event in reversed(found)]


def test_a_policy_is_stored_with_its_versions(policies: PolicyRepository, store: StateStore):
    saved = policies.save("  Winter   push ", PUSHED, actor="ann")
    assert (saved.id, saved.name, saved.version, saved.updated_by) == ("winter-push", "Winter push", 1, "ann")
    assert saved.policy == PUSHED
    changed = policies.save("Winter push", PLAIN, actor="bob", expected_version=1)
    assert (changed.id, changed.version, changed.policy, changed.updated_by) == ("winter-push", 2, PLAIN, "bob")
    assert changed.created_at == saved.created_at < changed.updated_at
    assert policies.get("winter-push") == changed
    assert [(one.number, one.actor, one.policy) for one in policies.versions("winter-push")] == [
        (2, "bob", PLAIN),
        (1, "ann", PUSHED),
    ]
    assert actions(store) == [("ann", "created", 1), ("bob", "updated", 2)]


def test_saving_the_same_again_makes_no_version(policies: PolicyRepository, store: StateStore):
    policies.save("Push", PUSHED, actor="ann")
    assert policies.save("Push", PUSHED, actor="bob", expected_version=1).version == 1
    # In JSON 1 is not true, though it is in Python.
    other = Policy({1: OfferTerms(2.0, 7.5, 50, {"a": 1})})
    assert policies.save("Push", other, actor="bob", expected_version=1).version == 2
    assert len(actions(store)) == 2


def test_two_who_save_at_once_do_not_overwrite_each_other(policies: PolicyRepository):
    policies.save("Push", PUSHED, actor="ann")
    policies.save("Push", PLAIN, actor="bob", expected_version=1)
    with pytest.raises(PolicyChanged, match="“Push” has changed") as refused:
        policies.save("push", PUSHED, actor="ann", expected_version=1)
    assert "bob saved version 2" in str(refused.value)
    with pytest.raises(PolicyNameTaken):
        policies.save("PUSH", PUSHED, actor="ann")
    with pytest.raises(PolicyNameTaken, match="The name looks like “Push”"):
        policies.save("Рush", PUSHED, actor="ann")  # a Cyrillic P
    assert policies.get("push").policy == PLAIN


def test_policies_come_by_name_and_go_with_their_versions(policies: PolicyRepository, store: StateStore):
    for name in ("winter", "Autumn", "春"):
        policies.save(name, PLAIN, actor="ann")
    assert [(one.id, one.name) for one in policies.list()] == [
        ("autumn", "Autumn"),
        ("winter", "winter"),
        ("policy", "春"),
    ]
    policies.delete("autumn", actor="bob")
    assert [one.id for one in policies.list()] == ["winter", "policy"]
    for ask in (policies.get, policies.versions):
        with pytest.raises(PolicyNotFound):
            ask("autumn")
    with pytest.raises(PolicyNotFound):
        policies.delete("autumn", actor="bob")
    assert actions(store)[-1] == ("bob", "deleted", 1)
    assert policies.save("Autumn", PUSHED, actor="ann").version == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\0b"])
def test_a_name_that_cannot_be_stored_is_refused(policies: PolicyRepository, name: str):
    with pytest.raises(BadPolicy):
        policies.save(name, PLAIN, actor="ann")
    assert policies.list() == []


def test_without_the_right_to_see_personal_data_the_values_of_a_rule_are_masked(
    policies: PolicyRepository, store: StateStore, restricted: RestrictedWarehouse
):
    rule = {"and": [{"==": [{"var": "email"}, "anna@example.com"]}, {">": [{"var": "total_revenue"}, 5]}]}
    saved = policies.save("Push", Policy({1: OfferTerms(2.0, 7.5, 50, rule)}), actor="ann")
    seen = RestrictedPolicies(store, restricted)
    masked = {"and": [{"==": [{"var": "email"}, "•••"]}, {">": [{"var": "total_revenue"}, 5]}]}
    for policy in (seen.get(saved.id).policy, seen.list()[0].policy, seen.versions(saved.id)[0].policy):
        assert policy == Policy({1: OfferTerms(2.0, 7.5, 50, masked)})
    with pytest.raises(PersonalDataHidden, match="'email', which holds personal data"):
        seen.save("Push", seen.get(saved.id).policy, actor="bob", expected_version=1)
    assert policies.get(saved.id) == saved
    assert seen.save("Plain", PLAIN, actor="bob").policy == PLAIN


def test_several_hidden_columns_are_named_as_several():
    assert str(PersonalDataHidden(["phone", "email"])).startswith(
        "You may not use 'email' and 'phone', which hold personal data. "
        "Whoever counts or sorts customers by them could find out their values."
    )
