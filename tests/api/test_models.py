"""Versions over HTTP: what the Training screen shows and changes, with the same refusals and audit entries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from loyalty_core.ml.bundles import read_active, write_bundle
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.store.audit import AuditEvent
from tests.fixtures.api import Ask, error_of
from tests.ml.fixtures import bundle_parts, other_parts, without_nbo
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from tests.workbench import Configure, Query


@pytest.fixture
def other(trained: str) -> str:
    """A second version that measures as well as the active one."""
    return write_bundle(get_settings().models_dir, other_parts())


@pytest.fixture
def worse(trained: str) -> str:
    """A second version that measures worse than the active one."""
    parts = other_parts()
    churn = replace(parts.models["churn"], metrics={"auc": 0.6})
    return write_bundle(get_settings().models_dir, replace(parts, models={**parts.models, "churn": churn}))


def active() -> str:
    found = read_active(get_settings().models_dir)
    assert found is not None
    return found.version


def audited() -> list[tuple[str, str, str]]:
    """Actor, action and version of every change, oldest first."""
    with get_services().store.session(read_only=True) as session:
        records = session.scalars(
            select(AuditEvent).where(AuditEvent.subject_kind == "model version").order_by(AuditEvent.id)
        )
        return [(one.actor, one.action, one.subject_id) for one in records]


def test_versions_are_listed_page_by_page(other: str, trained: str, ask: Ask):
    first = ask("/ml/versions/?limit=1").json()
    assert (first["active"], [one["version"] for one in first["versions"]], first["next_cursor"]) == (
        trained,
        [other],
        other,
    )
    second = ask(f"/ml/versions/?limit=1&cursor={first['next_cursor']}").json()
    assert ([one["version"] for one in second["versions"]], second["next_cursor"]) == ([trained], None)
    (version,) = second["versions"]
    assert (version["is_active"], version["activated_by"], version["trained_by"]) == (True, "test", "test")
    assert (version["models"]["churn"]["metrics"], version["models"]["nbo"]["offers"]) == (
        {"auc": 0.81},
        [*range(1, 9)],
    )
    assert ask(f"/ml/versions/{trained}/").json() == version == ask("/ml/versions/active/").json()


def test_a_version_says_what_its_training_left_out(trained: str, ask: Ask):
    reasons = {"uplift": "The warehouse has no history of contacts."}
    version = write_bundle(get_settings().models_dir, replace(other_parts(), left_out=reasons))
    assert ask(f"/ml/versions/{version}/").json()["left_out"] == reasons
    assert ask(f"/ml/versions/{trained}/").json()["left_out"] == {}


def test_a_version_is_activated_and_rolled_back(other: str, trained: str, ask: Ask):
    answer = ask(f"/ml/versions/{other}/activate/", "POST")
    assert (answer.status_code, answer.json()["version"], answer.json()["is_active"]) == (200, other, True)
    assert answer.headers["etag"] == ask("/ml/versions/active/").headers["etag"]
    rolled_back = ask("/ml/versions/rollback/", "POST")
    assert (rolled_back.json()["version"], active()) == (trained, trained)
    actor = get_settings().local_user
    assert audited() == [(actor, "activated", other), (actor, "rolled back to", trained)]
    assert error_of(ask("/ml/versions/rollback/", "POST"))[:2] == (409, "no_earlier_version")


def test_a_worse_version_must_be_confirmed(worse: str, trained: str, ask: Ask):
    status, code, detail = error_of(ask(f"/ml/versions/{worse}/activate/", "POST", {}))
    assert (status, code, active(), audited()) == (409, "worse_version", trained, [])
    assert "is worse than the active one" in detail
    for body in ({"even_if_worse": "true"}, {"even_if_worse": 1}, {"evenIfWorse": True}):
        assert error_of(ask(f"/ml/versions/{worse}/activate/", "POST", body))[:2] == (422, "bad_request")
    assert ask(f"/ml/versions/{worse}/activate/", "POST", {"even_if_worse": True}).status_code == 200
    assert active() == worse


def test_a_leak_must_be_confirmed_by_its_name(trained: str, ask: Ask):
    parts = other_parts()
    finding = {"severity": "confirm", "sentence": "'revenue' gives away the label.", "remedy": "", "feature": "revenue"}
    churn = replace(parts.models["churn"], findings=[finding], metrics={"grade": "D", "added": {}})
    leaking = write_bundle(get_settings().models_dir, replace(parts, models=parts.models | {"churn": churn}))
    path = f"/ml/versions/{leaking}/activate/"
    for body in ({"even_if_worse": True}, {"even_if_worse": True, "accepted_leaks": ["revenu"]}):
        status, code, detail = error_of(ask(path, "POST", body))
        assert (status, code, "'revenue' gives away the label." in detail) == (409, "unconfirmed_leak", True)
    body = {"challenger": leaking, "share": 0.2}
    assert error_of(ask("/ml/experiment/", "POST", body))[:2] == (409, "unconfirmed_leak")
    described = ask(f"/ml/versions/{leaking}/").json()["models"]["churn"]
    assert described["findings"] == [finding]
    assert described["objections"] == ["It adds nothing over the best simple rule."]
    assert (active(), audited()) == (trained, [])
    assert ask(path, "POST", {"even_if_worse": True, "accepted_leaks": ["revenue"]}).status_code == 200
    assert active() == leaking


def test_an_activation_in_place_of_another_version_is_refused(other: str, trained: str, ask: Ask):
    before = ask("/ml/versions/active/").headers["etag"]
    assert ask(f"/ml/versions/{other}/activate/", "POST", headers={"if-match": before}).status_code == 200
    for path in (f"/ml/versions/{trained}/activate/", "/ml/versions/rollback/"):
        answer = ask(path, "POST", headers={"if-match": before})
        assert (error_of(answer)[:2], active()) == ((412, "precondition_failed"), other)


def test_what_is_not_there_or_not_usable(trained: str, ask: Ask):
    for path, method in (
        ("/ml/versions/20260101T000000Z-0000/", "GET"),
        ("/ml/versions/20260101T000000Z-0000/activate/", "POST"),
        ("/ml/versions/..%2F..%2Factive.json/activate/", "POST"),
        ("/ml/versions/20260101T000000Z-0000/", "DELETE"),
    ):
        assert error_of(ask(path, method))[0] == 404
    damaged = write_bundle(get_settings().models_dir, bundle_parts())
    (get_settings().models_dir / "versions" / damaged / "churn.tflite").write_bytes(b"damaged")
    assert error_of(ask(f"/ml/versions/{damaged}/activate/", "POST"))[:2] == (409, "version_refused")
    assert (active(), audited()) == (trained, [])


def test_a_version_is_discarded_unless_it_answers(other: str, trained: str, ask: Ask):
    assert error_of(ask(f"/ml/versions/{trained}/", "DELETE"))[:2] == (409, "version_in_use")
    assert ask(f"/ml/versions/{other}/", "DELETE").status_code == 204
    assert error_of(ask(f"/ml/versions/{other}/", "DELETE"))[:2] == (404, "version_not_found")


def test_an_ab_test(other: str, trained: str, ask: Ask):
    assert ask("/ml/experiment/").json() is None
    started = ask("/ml/experiment/", "POST", {"challenger": other, "share": 0.2})
    assert (started.status_code, started.json()) == (201, ask("/ml/experiment/").json())
    assert {**started.json(), "started_at": ""} == {
        "champion": trained, "challenger": other, "share": 0.2, "started_at": "",
        "started_by": get_settings().local_user,
    }  # fmt: skip
    assert ask("/ml/experiment/", "PATCH", {"share": 0.4}).json()["share"] == 0.4
    assert error_of(ask(f"/ml/versions/{other}/", "DELETE"))[:2] == (409, "version_in_use")
    assert ask("/ml/status/").json()["experiment"]["share"] == 0.4
    assert ask("/ml/experiment/", "DELETE").status_code == 204
    assert error_of(ask("/ml/experiment/", "DELETE"))[0] == 409


def test_versions_that_were_never_compared(other: str, trained: str, ask: Ask):
    status, code, detail = error_of(ask(f"/ml/versions/{other}/comparison/"))
    assert (status, code) == (404, "not_compared")
    assert f"{other} was not compared with {trained}" in detail
    assert error_of(ask(f"/ml/versions/{other}/comparison/?against=nothing"))[:2] == (404, "version_not_found")


def test_the_status_of_the_models(trained: str, ask: Ask):
    status = ask("/ml/status/").json()
    assert (status["status"], status["mock_mode"], status["version"]) == ("ok", False, trained)
    available = {name: model["available"] for name, model in status["models"].items()}
    assert (available["churn"], available["nbo"], available["uptake"]) == (True, True, False)
    assert available["uplift"] is False
    (get_settings().models_dir / "versions" / trained / "churn.tflite").write_bytes(b"damaged")
    damaged = ask("/ml/status/").json()
    assert (damaged["status"], damaged["version"], damaged["refusal"]["error"]) == ("degraded", trained, "bad_bundle")


def test_the_status_without_models_and_in_mock_mode(demo_settings: Configure, ask: Ask):
    status = ask("/ml/status/").json()
    assert (status["status"], status["version"], status["refusal"]["error"]) == ("unavailable", None, "model_not_found")
    assert error_of(ask("/ml/versions/active/"))[:2] == (503, "model_not_found")
    demo_settings(ml_mock_mode=True)
    assert ask("/ml/status/").json()["status"] == "mock"
    assert ask("/ml/test/", "POST", {"customer_ids": [GUIDE_CUSTOMER]}).headers["X-Loyalty-Mode"] == "mock"


def test_all_predictions_for_some_customers(trained: str, ask: Ask):
    answer = ask("/ml/test/", "POST", {"customer_ids": [GUIDE_CUSTOMER, "nobody", "nobody"]}).json()
    assert (answer["version"], answer["unknown"], answer["errors"]) == (trained, ["nobody"], {})
    (result,) = answer["results"]
    assert result["customer_id"] == GUIDE_CUSTOMER
    for kind in ("churn", "nbo", "rfm"):
        assert result[kind] == ask(f"/dwh/ml/{kind}/", "POST", {"customer_id": GUIDE_CUSTOMER}).json()
    for ids in ([], ["x"] * 101, "x", [1.0], [True]):
        assert error_of(ask("/ml/test/", "POST", {"customer_ids": ids}))[:2] == (422, "bad_request")


def test_a_missing_model_does_not_hide_the_others(trained: str, ask: Ask):
    version = write_bundle(get_settings().models_dir, without_nbo())
    assert ask(f"/ml/versions/{version}/activate/", "POST", {"even_if_worse": True}).status_code == 200
    answer = ask("/ml/test/", "POST", {"customer_ids": [GUIDE_CUSTOMER]}).json()
    assert (answer["errors"]["nbo"]["error"], sorted(answer["results"][0])) == (
        "model_not_found",
        ["churn", "customer_id", "rfm"],
    )


def test_readiness_says_what_a_training_would_leave_out(demo_settings: Configure, ask: Ask, query_demo: Query):
    ((rows, last),) = query_demo("SELECT count(churned), CAST(max(snapshot_date) AS DATE) FROM customer_churn_history")
    found = ask("/ml/readiness/").json()
    churn = found["models"]["churn"]
    assert (churn["can_train"], churn["rows"], churn["last"]) == (True, rows, last.isoformat())
    assert {"churn", "nbo", "uptake"} <= set(found["models"])
    assert set(found["unavailable"]) <= {"churn_timing", "uplift"}
    late = ask("/ml/readiness/?since=2030-01-01").json()["models"]["churn"]
    assert (late["can_train"], late["rows"], late["findings"][0]["severity"]) == (False, 0, "stop")


@pytest.mark.parametrize("day", ["5.96e-08", "0", "2026-1-2", "2026-03-31T00:00:00", "2026-02-30"])
def test_a_day_is_written_in_one_way(scored_settings: None, ask: Ask, day: str) -> None:
    assert error_of(ask(f"/ml/readiness/?until={day}"))[:2] == (422, "bad_request")
    assert error_of(ask("/ml/train/", "POST", {"since": 5}))[:2] == (422, "bad_request")


@pytest.mark.parametrize("path", ["/audit/?until", "/audit/file/?since", "/figures/rfm/movement/?since"])
@pytest.mark.parametrize("time", ["0.0", "355", "2026-03-31", "2026-02-30T00:00:00Z"])
def test_a_time_is_written_with_its_day_and_zone(scored_settings: None, ask: Ask, path: str, time: str) -> None:
    assert error_of(ask(f"{path}={time}"))[:2] == (422, "bad_request")
