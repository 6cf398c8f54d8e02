"""The figures of the screens over HTTP, against plain SQL on the same files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from loyalty_core.ml.scoring import score_base
from loyalty_core.services import get_services
from tests.fixtures.api import NORWAY, Ask, create, error_of
from tests.workbench import DEMO_CUSTOMERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workbench import Configure, Query


@pytest.fixture
def predicted(predictions_file: Path) -> dict[str, Any]:
    """What the scores of the demo add up to."""
    name = str(predictions_file)
    with duckdb.connect() as connection:
        ((churners,),) = connection.execute("SELECT sum(churn_probability) FROM read_parquet(?)", [name]).fetchall()
        counted = {
            column: dict(
                connection.execute(
                    f"SELECT {column}, count(*) FROM read_parquet(?) WHERE {column} IS NOT NULL GROUP BY ALL", [name]
                ).fetchall()
            )
            for column in ("churn_risk", "recommended_offer", "rfm_segment")
        }
    return {"churners": churners, **counted}


def test_the_overview(scored_settings: None, ask: Ask, predicted: dict[str, Any]):
    create(ask, "Norwegians", NORWAY)
    norwegians = ask("/segments/norwegians/refresh/", "POST").json()["customers"]
    found = ask("/figures/overview/").json()
    assert found["customers"] == DEMO_CUSTOMERS
    assert found["churners"] == pytest.approx(predicted["churners"])
    for key, column in (("risks", "churn_risk"), ("offers", "recommended_offer"), ("rfm_segments", "rfm_segment")):
        assert {one["value"]: one["customers"] for one in found[key]} == predicted[column]
    assert [(one["id"], one["customers"]) for one in found["top_segments"]] == [("norwegians", norwegians)]


def test_churn_offers_and_rfm(scored_settings: None, ask: Ask, query_demo: Query, predicted: dict[str, Any]):
    ((revenue,),) = query_demo("SELECT sum(total_revenue) FROM customer_features_view")
    churn = ask("/figures/churn/").json()
    assert (churn["unscored"], churn["value_column"]) == (0, "total_revenue")
    assert churn["everyone"]["churners"] == pytest.approx(predicted["churners"])
    assert churn["everyone"]["value"] == pytest.approx(revenue)
    assert {risk: group["customers"] for risk, group in churn["risks"].items()} == predicted["churn_risk"]
    assert sum(churn["histogram"]) == DEMO_CUSTOMERS
    offers = ask("/figures/offers/").json()
    recommended = {one["offer_id"]: one["customers"] for one in offers["offers"] if one["customers"]}
    assert recommended == predicted["recommended_offer"]
    assert offers["expected_value"] == pytest.approx(sum(one["expected_value"] for one in offers["offers"]))
    rfm = ask("/figures/rfm/").json()
    assert {one["name"]: one["spending"]["customers"] for one in rfm["segments"]} == predicted["rfm_segment"]
    assert sum(cell["spending"]["customers"] for cell in rfm["cells"]) == DEMO_CUSTOMERS
    assert rfm["total"]["money"] == pytest.approx(revenue)


def test_the_members_of_a_segment_alone(scored_settings: None, ask: Ask, query_demo: Query):
    create(ask, "Norwegians", NORWAY)
    ((norwegians,),) = query_demo("SELECT count(*) FROM customer_features_view WHERE country = 'Norway'")
    assert ask("/figures/churn/?segment_id=norwegians").json()["everyone"]["customers"] == norwegians
    assert ask("/figures/offers/?segment_id=norwegians").json()["customers"] == norwegians
    assert ask("/figures/rfm/?segment_id=norwegians").json()["total"]["customers"] == norwegians
    assert error_of(ask("/figures/rfm/?segment_id=nobody"))[:2] == (404, "segment_not_found")


@pytest.mark.parametrize("path", ["overview", "churn", "offers", "rfm"])
def test_before_the_first_scoring(demo_settings: Configure, ask: Ask, path: str):
    assert error_of(ask(f"/figures/{path}/"))[:2] == (503, "predictions_missing")


def test_movement_between_rfm_segments_since_an_earlier_run(demo_settings: Configure, tmp_path: Path, ask: Ask):
    demo_settings(predictions_file=tmp_path / "predictions.parquet", ml_mock_mode=True)
    services = get_services()
    score_base(services.warehouse, services.inference.models())
    nothing = ask("/figures/rfm/movement/").json()
    assert nothing == {"since": None, "runs": [], "flows": []}
    score_base(services.warehouse, services.inference.models())
    found = ask("/figures/rfm/movement/").json()
    assert found["since"] == found["runs"][0]["scored_at"]
    assert {flow["kind"] for flow in found["flows"]} == {"stayed"}
    assert sum(flow["customers"] for flow in found["flows"]) == DEMO_CUSTOMERS
    assert ask(f"/figures/rfm/movement/?since={found['since']}").json() == found
    assert error_of(ask("/figures/rfm/movement/?since=2026-01-01T00:00:00Z"))[:2] == (404, "run_not_stored")


def test_whom_to_contact_is_the_rule_of_the_most_profitable_number(scored_settings: None, ask: Ask):
    found = ask("/figures/churn/contacts/?cost=5&save_rate=0.25&worth=100&basis=save_rate").json()
    counted = ask("/segments/evaluate/", "POST", {"rule": found["rule"]}).json()["customers"]
    assert found["best"]["customers"] == counted > 0
    assert (found["basis"], found["threshold"]) == ("save_rate", 0.2)  # where 0.25 × 100 is the cost
    by_revenue = ask("/figures/churn/contacts/?cost=5&basis=save_rate&value_column=total_revenue").json()
    counted = ask("/segments/evaluate/", "POST", {"rule": by_revenue["rule"]}).json()["customers"]
    assert by_revenue["best"]["customers"] == counted > 0
    assert by_revenue["best"]["profit"] > found["best"]["profit"]
    nothing = ask("/figures/churn/contacts/?cost=1e9&basis=save_rate").json()
    assert (nothing["best"]["customers"], nothing["rule"], nothing["threshold"]) == (0, None, None)


def test_contacts_that_cannot_be_planned(scored_settings: None, ask: Ask):
    path = "/figures/churn/contacts/"
    assert error_of(ask(f"{path}?value_column=nothing"))[:2] == (422, "unknown_column")
    assert error_of(ask(f"{path}?value_column=country"))[:2] == (422, "bad_request")
    assert error_of(ask(f"{path}?cost=nan"))[:2] == (422, "bad_request")
    assert error_of(ask(f"{path}?worth=0"))[:2] == (422, "bad_request")
