"""Scoring the whole base: complete, equal to single answers, all or nothing, on DuckDB and PostgreSQL."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa

from loyalty_core.errors import ViewUnusable
from loyalty_core.ml.bundles import Bundle, activate, load_bundle, write_bundle
from loyalty_core.ml.features import FeatureCountMismatch
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.rfm import saved_cut_points, score_columns
from loyalty_core.warehouse.mapping import MappingError
from tests.ml.bases import COLUMNS, CUSTOMERS, base, buyers, fill, predictions
from tests.ml.fixtures import CONTRACT, OFFERS, without_nbo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.ml.scoring.pipeline import ScoringProgress
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]

pytestmark = pytest.mark.extended

DOCUMENTED_COLUMNS = [
    *("customer_id", "churn_probability", "churn_risk", "recommended_offer", "confidence"),
    *(f"offer_{offer}" for offer in OFFERS),
    *("offer_uptake", "recency", "frequency", "monetary", "rfm_segment", "model_version", "scored_at", "data_state"),
]


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Open) -> Warehouse:
    fill(backend, base())
    return open_warehouse(backend.url)


def test_every_customer_is_written_in_the_documented_columns(warehouse: Warehouse, bundle: Bundle) -> None:
    assert warehouse.predictions is None
    result = score_base(warehouse, bundle)
    found = predictions(warehouse)
    assert result.customers == len(found) == CUSTOMERS
    assert list(found["c1"]) == DOCUMENTED_COLUMNS
    assert {row["model_version"] for row in found.values()} == {bundle.version}
    assert {row["scored_at"] for row in found.values()} == {result.scored_at}
    assert result.remarks == ()
    assert not result.is_mock


def test_the_table_agrees_with_the_service(warehouse: Warehouse, bundle: Bundle) -> None:
    score_base(warehouse, bundle, batch_rows=64)
    found, service = predictions(warehouse), MLInferenceService(warehouse=warehouse)
    for customer in ("c0", "c1", "c9", "c77", "c499"):
        row, churn = found[customer], service.predict_churn(customer)
        assert (row["churn_probability"], row["churn_risk"]) == (churn["churn_probability"], churn["churn_risk"])
        nbo = service.predict_nbo(customer)
        assert (row["recommended_offer"], row["confidence"]) == (nbo["recommended_offer"], nbo["confidence"])
        scores = [offer["score"] for offer in nbo["all_offers"]]
        assert [row[f"offer_{offer}"] for offer in OFFERS] == pytest.approx(scores, abs=1e-6)
        rfm = service.calculate_rfm(customer)
        assert [row["recency"], row["frequency"], row["monetary"], row["rfm_segment"]] == list(rfm.values())[1:]


def test_rfm_agrees_with_sql_for_every_customer(warehouse: Warehouse, bundle: Bundle) -> None:
    points = score_base(warehouse, bundle).cut_points
    assert points is not None
    assert saved_cut_points(warehouse) == points
    view = warehouse.features
    in_sql = warehouse.rows(
        sa.select(view.c.customer_id, *(column.label(name) for name, column in score_columns(view, points).items()))
    )
    found = predictions(warehouse)
    assert [{name: found[row["customer_id"]][name] for name in row} for row in in_sql] == in_sql


def test_cut_points_follow_the_data(backend: Backend, warehouse: Warehouse, bundle: Bundle) -> None:
    before = score_base(warehouse, bundle).cut_points
    fill(backend, [(f"c{i}", i, i + 1, 10.0 * i, 10, 1.0) for i in range(11)])
    after = score_base(warehouse, bundle).cut_points
    assert before is not None
    assert after is not None
    assert before.recency != after.recency == (2.0, 4.0, 6.0, 8.0)


def test_predictions_join_with_the_features_view(warehouse: Warehouse, bundle: Bundle) -> None:
    score_base(warehouse, bundle)
    view, relation = warehouse.features, warehouse.predictions
    assert relation is not None
    joined = view.join(relation, view.c.customer_id == relation.c.customer_id)
    high = relation.c.churn_probability >= 0.5
    rich = view.c.total_revenue > 1000
    count = warehouse.rows(sa.select(sa.func.count().label("n")).select_from(joined).where(high, rich))[0]["n"]
    revenue = {row["customer_id"]: row["total_revenue"] for row in warehouse.rows(sa.select(view))}
    expected = [c for c, row in predictions(warehouse).items() if row["churn_probability"] >= 0.5 and revenue[c] > 1000]
    assert 0 < count == len(expected)


def test_blanks_are_counted_and_take_the_training_median(warehouse: Warehouse, bundle: Bundle) -> None:
    result = score_base(warehouse, bundle, batch_rows=100)
    assert result.blanks == {"days_since_last": 50, "avg_transaction_value": 51}
    assert result.failed == {}


def test_progress_ends_with_everyone(warehouse: Warehouse, bundle: Bundle) -> None:
    seen: list[ScoringProgress] = []
    score_base(warehouse, bundle, seen.append, batch_rows=200)
    assert [progress.scored for progress in seen] == [200, 400, 500]
    assert {progress.customers for progress in seen} == {CUSTOMERS}


def test_mock_mode_is_reported(warehouse: Warehouse) -> None:
    result = score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
    found = predictions(warehouse)
    assert result.is_mock
    assert {row["model_version"] for row in found.values()} == {"mock"}
    assert len({row["churn_probability"] for row in found.values()}) > 100


def test_a_bundle_with_one_model_leaves_the_other_columns_empty(warehouse: Warehouse, models_dir: Path) -> None:
    activate(models_dir, write_bundle(models_dir, without_nbo()), by="test")
    result = score_base(warehouse, load_bundle(models_dir))
    row = predictions(warehouse)["c1"]
    assert row["churn_probability"] is not None
    assert row["recommended_offer"] is row["confidence"] is None
    assert "has no offer model" in result.remarks[0]


def test_without_rfm_columns_churn_and_offers_are_still_there(
    backend: Backend, open_warehouse: Open, bundle: Bundle
) -> None:
    fill(backend, base())
    warehouse = open_warehouse(backend.url, rfm_columns={"monetary": "nothing"})
    result = score_base(warehouse, bundle)
    row = predictions(warehouse)["c1"]
    assert row["recency"] is row["rfm_segment"] is None
    assert row["churn_risk"] in {"low", "medium", "high"}
    assert result.remarks[0].startswith("RFM has no monetary")


TEXTS = COLUMNS.replace("total_revenue double precision", "total_revenue varchar(20)")


def test_a_text_in_place_of_a_number_gives_no_answer(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    values = ["12.5", " 7 ", "1e3", "-3", "", None, "unknown", "12,5"]
    fill(backend, [(f"c{i}", 3, 2, value, 10, 100.0) for i, value in enumerate(values)], TEXTS)
    result = score_base(open_warehouse(backend.url), bundle)
    found = predictions(open_warehouse(backend.url))
    assert result.failed == {"total_revenue holds a text instead of a number.": 2}
    assert result.blanks == {"revenue": 2}
    assert [customer for customer, row in sorted(found.items()) if row["churn_probability"] is None] == ["c6", "c7"]
    assert found["c6"]["churn_risk"] is found["c6"]["recommended_offer"] is found["c6"]["offer_1"] is None


def test_a_number_too_large_to_be_a_measurement_gives_no_answer(
    backend: Backend, open_warehouse: Open, bundle: Bundle
) -> None:
    fill(backend, buyers([(3, 2, 1e31), (3, 2, -3e38), (3, 2, 10.0), (3, 2, math.inf), (3, 2, math.nan)]))
    result = score_base(open_warehouse(backend.url), bundle)
    assert result.failed == {"total_revenue holds a number beyond 1e+30.": 2}
    assert result.blanks == {"revenue": 2}
    found = predictions(open_warehouse(backend.url))
    assert [found[f"c{i}"]["churn_probability"] is None for i in range(5)] == [True, True, False, False, False]


def test_a_row_without_customer_id_is_counted_and_left_out(
    backend: Backend, open_warehouse: Open, bundle: Bundle
) -> None:
    fill(backend, [*base(30), (None, 1, 1, 1.0, 1, 1.0)])
    result = score_base(open_warehouse(backend.url), bundle)
    assert result.failed == {"The customer id is blank.": 1}
    assert result.customers == len(predictions(open_warehouse(backend.url))) == 30


@pytest.mark.parametrize(
    ("id_type", "ids"),
    [
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-00000000000a"]),
        ("bigint", [9007199254740993, 9007199254740992]),
        ("numeric(20, 0)", [90071992547409931, 90071992547409930]),
        ("varchar(10)", ['a"b', "Åse"]),
    ],
)
def test_ids_retain_their_type_and_every_digit(
    backend: Backend, open_warehouse: Open, bundle: Bundle, id_type: str, ids: list[Any]
) -> None:
    fill(
        backend,
        [(customer, 3, place, 10.0, 1, 1.0) for place, customer in enumerate(ids)],
        COLUMNS.replace("varchar(40)", id_type, 1),
    )
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, bundle)
    view, relation = warehouse.features, warehouse.predictions
    assert relation is not None
    same = view.c.customer_id == relation.c.customer_id
    matched = sa.select(sa.func.count().label("n")).select_from(view.join(relation, same))
    assert warehouse.rows(matched)[0]["n"] == 2
    assert {str(customer) for customer in predictions(warehouse)} == {str(customer) for customer in ids}


def test_one_answer_for_all_customers_is_remarked_on(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    fill(backend, buyers([(3, 2, 10.0)] * 20))
    remarks = score_base(open_warehouse(backend.url), bundle).remarks
    assert [remark.split(",")[0] for remark in remarks] == [
        "Every customer has the same churn probability",
        "Every customer has the same confidence",
    ]


def test_an_empty_view_does_not_replace_predictions(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    fill(backend, base(20))
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, bundle)
    for nobody in ([], [(None, 3, 2, 10.0, 1, 1.0)]):
        fill(backend, nobody)
        with pytest.raises(ViewUnusable, match="has no customers"):
            score_base(warehouse, bundle)
    assert len(predictions(warehouse)) == 20


def test_view_and_models_must_fit(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    fill(backend, base(20))
    mapping = {"revenue": "total_revenu"} | {name: name for name in CONTRACT.names[1:]}
    with pytest.raises(MappingError, match="nearest: total_revenue"):
        score_base(open_warehouse(backend.url, ml_feature_mapping=mapping), bundle)
    with pytest.raises(FeatureCountMismatch):
        score_base(open_warehouse(backend.url, ml_model_input_size=4), bundle)
    with pytest.raises(FeatureCountMismatch, match="trained on 5 features"):
        score_base(
            open_warehouse(backend.url, ml_feature_mapping={"age": "transaction_count"}, ml_model_input_size=1), bundle
        )


def test_fewer_offers_than_before(warehouse: Warehouse, bundle: Bundle) -> None:
    score_base(warehouse, bundle)
    others = {"churn": {"offers": []}, "nbo": {"offers": [11, 12, 13, 14, 15, 16, 17, 18]}}
    renamed = replace(bundle, manifest={"models": others})
    score_base(warehouse, renamed)
    assert predictions(warehouse)["c1"]["recommended_offer"] in range(11, 19)
    assert "offer_1" not in predictions(warehouse)["c1"]


def test_score_arrays_and_batches_do_not_depend_on_the_batch_size(
    backend: Backend, open_warehouse: Open, bundle: Bundle
) -> None:
    fill(backend, base())
    warehouse = open_warehouse(backend.url)
    answers = []
    for batch_rows in (7, 64, 10_000):
        score_base(warehouse, bundle, batch_rows=batch_rows)
        answers.append({c: [*(row | {"scored_at": None}).values()] for c, row in predictions(warehouse).items()})
    assert answers[0].keys() == answers[1].keys() == answers[2].keys()
    for customer, row in answers[0].items():
        for other in (answers[1][customer], answers[2][customer]):
            assert [value for value in row if not isinstance(value, float)] == [
                value for value in other if not isinstance(value, float)
            ]
            floats = [value for value in row if isinstance(value, float)]
            assert np.allclose(floats, [value for value in other if isinstance(value, float)], atol=2e-6)
