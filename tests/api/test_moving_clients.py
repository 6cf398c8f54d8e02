"""The requests of a client that was written for a Django loyalty product, and what it reads from each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from loyalty_core.services import get_services
from tests.fixtures.api import RICH, create
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from tests.fixtures.api import Ask

ONE = {"customer_id": GUIDE_CUSTOMER}
MANY = {"customer_ids": [GUIDE_CUSTOMER]}
SENT = ("total_sent", "delivered", "opened", "clicked", "converted")
CAMPAIGN = {
    "name": "Spring",
    "definition": {
        "audience": {"segment": "rich"},
        "trigger": {"kind": "schedule", "days": ["mon"], "hour": 9},
        "variants": [{"name": "A", "share": 100, "messages": {"log": {"body": "Spring has come."}}}],
        "channels": {"use": ["log"]},
    },
}
DRAFT = {"name": "New", "rules": [{"name": "Rich", "rule": RICH}], "is_dynamic": True, "is_active": True}


class Request(NamedTuple):
    """A request, the expected status, and where in the answer the client reads: "a.b", "a[].b" for a list's entries."""

    method: str
    path: str
    body: Any
    status: int
    reads: tuple[str, ...]


REQUESTS = (
    Request("POST", "dwh/ml/churn/", ONE, 200, ("customer_id", "churn_probability", "churn_risk")),
    Request("POST", "dwh/ml/nbo/", ONE, 200, ("recommended_offer", "offers[].offer_id", "offers[].offer_name")),
    Request("POST", "dwh/ml/nbo/", ONE, 200, ("offers[].category", "offers[].probability")),
    Request("POST", "dwh/ml/rfm/", ONE, 200, ("r_score", "f_score", "m_score", "rfm_segment", "segment")),
    Request("GET", "dwh/columns/?source=", None, 200, ("[].name", "[].type", "[].category")),
    Request("GET", "dwh/columns/?source=features", None, 200, ("[].name", "[].type", "[].category")),
    Request("GET", f"dwh/features/{GUIDE_CUSTOMER}/", None, 200, ("customer_id", "total_revenue")),
    Request("POST", "dwh/features/batch/", MANY, 200, (f"{GUIDE_CUSTOMER}.total_revenue",)),
    Request("POST", "dwh/cache/invalidate/", MANY, 200, ("status", "invalidated")),
    Request("GET", "dwh/event-types/", None, 200, ("[].value", "[].label", "[].category")),
    Request("GET", "segments/?is_active=true", None, 200, ("[].id", "[].name", "[].rules[].rule", "[].is_active")),
    Request("GET", "segments/?is_active=true&page=1", None, 200, ("count", "next", "previous", "results[].is_dynamic")),
    Request("POST", "segments/", DRAFT, 201, ("id", "rules[].name", "rules[].rule", "is_dynamic", "is_active")),
    Request("PATCH", "segments/new/", {"description": "Changed"}, 200, ("id", "description")),
    Request("POST", "segments/rich/calculate/", None, 200, ("added", "removed", "total")),
    Request("POST", "segments/rich/recalculate/", {}, 200, ("added", "removed", "total")),
    Request("POST", "segments/rich/calculate/", MANY, 200, ("added", "removed", "total")),
    Request(
        "GET", "segments/rich/members/?is_active=true", None, 200, ("[].customer_id", "[].joined_at", "[].is_active")
    ),
    Request("GET", "segments/rich/members/?page=1", None, 200, ("count", "results[].joined_at")),
    Request("GET", "segments/rich/metrics/", None, 200, ("total_members", "snapshots[].total_members")),
    Request("GET", "segmentSnapshots/?segment=rich", None, 200, ("[].total_members", "[].at")),
    Request("GET", "segmentSnapshots/?segment=rich&page=1", None, 200, ("count", "results[].total_members")),
    *(
        Request(
            "POST",
            "segments/rich/ml/predict/",
            {"type": kind},
            200,
            ("type", "aggregated_stats", "results[].customer_id", "results[].result", "errors", "has_more_results"),
        )
        for kind in ("churn", "nbo", "rfm")
    ),
    Request("GET", "segments/rich/ml/stats/", None, 200, ("stats.churn", "stats.nbo", "stats.rfm")),
    Request("GET", "config/ml/", None, 200, ("mock_mode", "feature_mapping", "churn_thresholds.high")),
    Request("GET", "config/dwh/test/", None, 200, ("success", "message")),
    Request("PUT", "config/ml/", {"mock_mode": True}, 405, ("detail",)),
    Request("POST", "config/dwh/", {"url": "duckdb:///x"}, 405, ("detail",)),
    Request("POST", "campaigns/", CAMPAIGN, 201, ("id", "name", "state")),
    Request("GET", "campaigns/?page=1", None, 200, ("count", "next", "previous", "results[].id")),
    Request("GET", "campaigns/spring/", None, 200, ("id", "name", "state")),
    Request("PATCH", "campaigns/spring/", {"name": "Spring"}, 200, ("id", "name", "state")),
    Request("POST", "campaigns/spring/activate/", None, 200, ("id", "state")),
    Request("POST", "campaigns/spring/pause/", None, 200, ("id", "state")),
    Request("GET", "campaigns/spring/performance/", None, 200, SENT),
    Request("GET", "campaignExecutions/?page=1", None, 200, ("count", "next", "previous", "results")),
)


def read(answer: Any, where: str) -> list[Any]:
    """All values there; raises `KeyError` where one is missing."""
    found = [answer]
    for step in where.replace("[]", ".[]").removeprefix(".").split("."):
        found = [part for one in found for part in one] if step == "[]" else [one[step] for one in found]
    return found


def test_each_request_has_what_the_client_reads(trained: str, ask: Ask):
    create(ask, "Rich", {">": [{"var": "total_revenue"}, 5000]})
    wrong: list[str] = []
    for request in REQUESTS:
        answer = ask(f"/{request.path}", request.method, request.body)
        if answer.status_code != request.status:
            wrong.append(f"{request.method} {request.path}: {answer.status_code} {answer.text[:200]}")
            continue
        for where in request.reads:
            try:
                values = read(answer.json(), where)
            except (KeyError, TypeError, IndexError) as error:
                wrong.append(f"{request.method} {request.path}: no {where} ({error!r})")
            else:
                if not values:
                    wrong.append(f"{request.method} {request.path}: nothing at {where}")
    assert wrong == []
    assert get_services().segments.get("new").description == "Changed"


def test_columns_of_another_source_are_refused(demo_settings: object, ask: Ask):
    answer = ask("/dwh/columns/?source=transactions")
    assert answer.status_code == 422
    assert "customer_features_view" in answer.json()["detail"]
