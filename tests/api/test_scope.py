"""What the API answers to viewers who may not see every customer or every value."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.access import ROLES, Action, Role, Scope, Viewer, acting_as, process_acts_as, terminal_viewer
from loyalty_core.services import get_services
from loyalty_core.warehouse.columns import MASK
from tests.fixtures.api import NORWAY, RICH, create, error_of
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.api import Ask
    from tests.workbench import Configure, Query


@pytest.fixture(autouse=True)
def signed_in(demo_settings: Configure) -> Iterator[None]:
    """The demo where people sign in; who acts in a test is who sends its requests, otherwise somebody in a terminal."""
    demo_settings(sign_in="openid")
    with process_acts_as(terminal_viewer()):
        yield


@contextmanager
def acting(role: str = "admin", scope: Any = None) -> Iterator[None]:
    with acting_as(Viewer("kari", frozenset({role}), Scope.of(scope) if scope else None)):
        yield


def of_other_country(query_demo: Query) -> str:
    return query_demo("SELECT min(customer_id) FROM customer_features_view WHERE country <> 'Norway'")[0][0]


def test_counts_and_customers_are_those_in_scope(ask: Ask, query_demo: Query):
    [(norwegians, rich)] = query_demo(
        "SELECT count(*), count(*) FILTER (total_revenue > 800) FROM customer_features_view WHERE country = 'Norway'"
    )
    abroad = of_other_country(query_demo)
    segment = create(ask, "Rich", RICH)
    assert ask(f"/segments/{segment['id']}/refresh/", "POST").json()["base"] > norwegians
    with acting(scope=NORWAY):
        columns = ask("/dwh/columns/").json()
        evaluated = ask("/segments/evaluate/", "POST", {"rule": RICH}).json()
        size = ask("/segments/rich/").json()["size"]
        refreshed = ask("/segments/rich/refresh/", "POST").json()
        missing = ask(f"/dwh/customers/{abroad}/"), ask(f"/segments/rich/customers/{abroad}/")
        predicted = ask("/dwh/ml/rfm/", "POST", {"customer_id": abroad})
    assert columns["customers"] == norwegians
    [country] = [column for column in columns["columns"] if column["name"] == "country"]
    assert country["top_values"] == [["Norway", norwegians]]
    assert (evaluated["customers"], evaluated["base"]) == (rich, norwegians)
    assert "'Norway'" in evaluated["sql"]
    for counted in (size, refreshed):
        assert (counted["customers"], counted["base"]) == (rich, norwegians)
        assert (counted["joined"], counted["cause"]) == (None, "scope")
    assert {error_of(answer)[:2] for answer in (*missing, predicted)} == {(404, "customer_not_found")}
    assert ask(f"/dwh/customers/{abroad}/").status_code == 200
    assert get_services().segments.get("rich").size != size


def test_a_key_sees_the_scope_of_its_role(ask: Ask, query_demo: Query):
    services = get_services()
    services.roles.save(Role("norway", "Norway", frozenset({Action.VIEW}), Scope.of(NORWAY)))
    secret = services.api_keys.create("CRM sync", ["norway"]).secret
    answer = ask("/dwh/columns/", headers={"authorization": f"Bearer {secret}"}).json()
    [(norwegians,)] = query_demo("SELECT count(*) FROM customer_features_view WHERE country = 'Norway'")
    assert answer["customers"] == norwegians
    assert [column["name"] for column in answer["columns"] if column["is_masked"]] == ["full_name", "email"]


def test_members_are_stored_for_everybody_whoever_refreshes(ask: Ask, query_demo: Query):
    [(rich,)] = query_demo("SELECT count(*) FROM customer_features_view WHERE total_revenue > 800")
    create(ask, "Rich", RICH)
    with acting(scope=NORWAY):
        ask("/segments/rich/refresh/", "POST")
    assert ask("/segments/rich/").json()["size"]["customers"] == rich


def test_lists_and_batches_have_the_customers_in_scope(ask: Ask, query_demo: Query):
    [(norwegians,)] = query_demo("SELECT count(*) FROM customer_features_view WHERE country = 'Norway'")
    [(one,)] = query_demo("SELECT min(customer_id) FROM customer_features_view WHERE country = 'Norway'")
    abroad = of_other_country(query_demo)
    create(ask, "Everyone", {})
    ask("/segments/everyone/calculate/", "POST")
    ids = {"customer_ids": [one, abroad]}
    with acting(scope=NORWAY):
        pages = [ask(f"/{path}/?page=1").json() for path in ("customers", "segments/everyone/members")]
        listed = ask("/customers/?limit=1000").json()["customers"]
        features = ask("/dwh/features/batch/", "POST", ids).json()
        predicted = ask("/dwh/ml/rfm/", "POST", ids).json()
        alone = [ask(f"/customers/{customer_id}/").status_code for customer_id in (one, abroad)]
        history = ask("/segments/everyone/snapshots/").json()["snapshots"], ask("/segmentSnapshots/?segment=everyone")
        metrics = ask("/segments/everyone/metrics/").json()
    assert [page["count"] for page in pages] == [norwegians, norwegians]
    assert {row["country"] for row in listed} == {"Norway"}
    assert (len(listed), features[one]["country"], features[abroad]) == (min(norwegians, 1000), "Norway", None)
    assert ([answer["customer_id"] for answer in predicted["results"]], predicted["unknown"]) == ([one], [abroad])
    assert alone == [200, 404]
    assert (history[0], history[1].json(), metrics["total_members"]) == ([], [], norwegians)


def test_whoever_changes_members_changes_those_in_scope(ask: Ask, query_demo: Query):
    [(one,)] = query_demo("SELECT min(customer_id) FROM customer_features_view WHERE country = 'Norway'")
    abroad = of_other_country(query_demo)
    create(ask, "Everyone", {})
    whole = ask("/segments/everyone/calculate/", "POST").json()
    members = get_services().segments
    for customer_id in (one, abroad):
        members.change_member("everyone", customer_id, belongs=False)
    with acting(scope=NORWAY):
        found = ask("/segments/everyone/calculate/", "POST", {"customer_ids": [one, abroad]}).json()
        changed = ask("/segments/everyone/", "PATCH", {"description": "All"}).json()
    assert (found["added"], found["removed"], found["unknown"]) == (1, 0, [abroad])
    assert found["total"] == changed["size"]["customers"] < whole["total"]
    assert [members.is_member("everyone", customer_id) for customer_id in (one, abroad)] == [True, False]
    assert members.get("everyone").description == "All"


def test_personal_data_is_masked_and_refused_in_rules(ask: Ask):
    rule = {"in": ["@", {"var": "email"}]}
    with acting("viewer"):
        customer = ask(f"/dwh/customers/{GUIDE_CUSTOMER}/").json()
        columns = {column["name"]: column for column in ask("/dwh/columns/").json()["columns"]}
        refused = ask("/segments/evaluate/", "POST", {"rule": rule})
    assert (customer["full_name"], customer["email"]) == (MASK, MASK)
    assert columns["email"]["is_masked"] and columns["email"]["top_values"] == []
    assert error_of(refused)[:2] == (403, "personal_data_hidden")
    assert ask("/segments/evaluate/", "POST", {"rule": rule}).status_code == 200


def test_rules_on_personal_data_are_shown_without_its_values_and_only_counted(ask: Ask):
    rule = {"and": [RICH, {"==": [{"var": "email"}, "secret@example.com"]}]}
    create(ask, "Secret", rule)
    ask("/segments/secret/refresh/", "POST")
    with acting("viewer"):
        shown = ask("/segments/secret/"), ask("/segments/"), ask("/segments/secret/versions/")
        refused = ask("/segments/secret/members/"), ask(f"/segments/secret/customers/{GUIDE_CUSTOMER}/")
    with acting("viewer", NORWAY):
        assert ask("/segments/secret/").json()["size"]["customers"] == 0
    assert shown[0].json()["rule"] == {"and": [RICH, {"==": [{"var": "email"}, MASK]}]}
    assert shown[0].json()["size"]["customers"] == 0
    assert all("secret@" not in answer.text for answer in shown)
    assert {error_of(answer)[:2] for answer in refused} == {(403, "personal_data_hidden")}
    assert ask("/segments/secret/").json()["rule"] == rule


def test_exports_belong_to_viewers_who_see_the_same(ask: Ask):
    with acting("analyst", NORWAY):
        own = get_services().jobs
        job = own.start("export", {"segment_id": None, "format": "csv", "columns": []}, "kari")
        own.cancel(job.id, "kari")
        assert ask(f"/exports/{job.id}/").json()["state"] in {"cancelled", "running", "done"}
    with acting("analyst", {"==": [{"var": "country"}, "Sweden"]}):
        for answer in (
            ask(f"/exports/{job.id}/"),
            ask(f"/exports/{job.id}/file/"),
            ask(f"/exports/{job.id}/", "DELETE"),
        ):
            assert error_of(answer)[:2] == (404, "job_not_found")
        assert get_services().jobs.latest("export") is None
    assert ask(f"/exports/{job.id}/").status_code == 200


def test_figures_and_trials_are_of_the_customers_in_scope(
    ask: Ask, query_demo: Query, demo_settings: Configure, predictions_file: Path
):
    demo_settings(predictions_file=predictions_file)
    [(norwegians, rich)] = query_demo(
        "SELECT count(*), count(*) FILTER (total_revenue > 800) FROM customer_features_view WHERE country = 'Norway'"
    )
    with acting(scope=NORWAY):
        overview, churn, offers, rfm = (
            ask(f"/figures/{name}/").json() for name in ("overview", "churn", "offers", "rfm")
        )
        tried = ask("/policies/evaluate/", "POST", {"offers": {"1": {"rule": RICH}}}).json()
        previewed = ask("/rfm/map/preview/", "POST", {}).json()
    assert (overview["customers"], sum(one["customers"] for one in overview["risks"])) == (norwegians, norwegians)
    assert (churn["everyone"]["customers"], offers["customers"]) == (norwegians, norwegians)
    assert rfm["total"]["customers"] == norwegians
    assert (tried["customers"], tried["without"]["not eligible"]) == (norwegians, norwegians - rich)
    assert previewed["customers"] == norwegians


def test_figures_of_small_groups_are_refused(ask: Ask, demo_settings: Configure, predictions_file: Path):
    demo_settings(predictions_file=predictions_file, smallest_group_shown=20)
    create(ask, "One", {"==": [{"var": "customer_id"}, GUIDE_CUSTOMER]})
    with acting("viewer"):
        answers = [
            *(ask(f"/figures/{name}/?segment_id=one") for name in ("churn", "offers", "rfm")),
            ask("/segments/one/profile/"),
            ask("/policies/evaluate/", "POST", {"offers": {}, "segment_id": "one"}),
            ask("/rfm/map/preview/", "POST", {"cells": {"111": "Few"}}),
        ]
    assert {error_of(answer)[:2] for answer in answers} == {(403, "groups_only")}


def test_policies_are_shown_without_the_personal_data_of_their_rules(ask: Ask):
    rule = {"==": [{"var": "email"}, "secret@example.com"]}
    ask("/policies/", "POST", {"name": "Secret", "offers": {"1": {"rule": rule}}})
    shown = {"==": [{"var": "email"}, MASK]}
    with acting("data_scientist"):
        answers = ask("/policies/secret/").json(), *ask("/policies/").json()["policies"]
        versions = ask("/policies/secret/versions/").json()["versions"]
        tried = ask("/policies/evaluate/", "POST", {"offers": {"1": {"rule": rule}}})
    assert [one["offers"]["1"]["rule"] for one in (*answers, *versions)] == [shown] * 3
    assert tried.status_code == 403
    assert ask("/policies/secret/").json()["offers"]["1"]["rule"] == rule


def test_figures_of_the_whole_base_are_not_shown_to_viewers_with_a_scope(ask: Ask, watched: str):
    with acting(scope=NORWAY):
        assert error_of(ask("/dwh/ml/monitoring/"))[:2] == (403, "needs_every_customer")
    assert ask("/dwh/ml/monitoring/").status_code == 200


def test_a_scope_that_can_no_longer_be_used_is_said(ask: Ask):
    with acting(scope={"==": [{"var": "gone"}, 1]}):
        for answer in (ask("/dwh/columns/"), ask(f"/dwh/customers/{GUIDE_CUSTOMER}/")):
            assert error_of(answer)[:2] == (403, "scope_unusable")


def test_viewers_with_the_same_scope_share_their_services():
    plain = get_services()
    with acting(scope=NORWAY):
        scoped = get_services()
    with acting(scope=dict(NORWAY)):
        assert get_services() is scoped is not plain
        assert get_services().warehouse.engine is plain.warehouse.engine
    with acting_as(Viewer("ann", frozenset(ROLES))):
        assert get_services() is plain
