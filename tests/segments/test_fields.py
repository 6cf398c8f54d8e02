"""What rules may read: columns, predictions under names of their own, and other segments without a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.rules import RuleError
from loyalty_core.segments import PredictionsMissing, SegmentationEngine, SegmentCycle, SegmentDraft, UnknownColumn
from loyalty_core.segments.errors import BadSegment
from loyalty_core.store.segments import SegmentRecord
from tests.ml.bases import base, fill
from tests.ml.fixtures import CONTRACT
from tests.segments.scored import keep, segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.segments import SegmentRepository
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import Column, Warehouse
    from tests.fixtures.warehouses import Backend
    from tests.workbench import Query

    Open = Callable[..., Warehouse]

PREDICTIONS = [
    *("churn_probability", "churn_risk", "recommended_offer", "confidence"),
    *(f"offer_{offer}" for offer in range(1, 9)),
    *("offer_uptake", "recency", "frequency", "monetary", "rfm_segment"),
]


def score(warehouse: Warehouse) -> None:
    score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))


def by_name(fields: list[Column], group: str) -> dict[str, Column]:
    return {field.name: field for field in fields if field.group == group}


def test_predictions_are_fields_with_their_ranges_and_values(engine: SegmentationEngine, sql: Query):
    fields = by_name(engine.fields(), "Predictions")
    assert list(fields) == PREDICTIONS
    [(lowest, highest)] = sql("SELECT min(churn_probability), max(churn_probability) FROM customers")
    churn = fields["churn_probability"]
    assert (churn.kind, churn.label, churn.blanks) == ("number", "Churn probability", 0)
    assert (churn.minimum, churn.maximum, churn.top_values) == (lowest, highest, ())
    risks = sql("SELECT churn_risk, count(*) n FROM customers GROUP BY 1 ORDER BY n DESC")
    assert fields["churn_risk"].top_values == tuple(risks)
    scores = sql("SELECT recency, count(*) FROM customers WHERE recency IS NOT NULL GROUP BY 1 ORDER BY 1")
    assert fields["recency"].top_values == tuple(scores)
    [(blank,)] = sql("SELECT count(*) FILTER (recency IS NULL) / count(*) FROM customers")
    assert fields["recency"].blanks == pytest.approx(blank)
    assert fields["offer_3"].label == "Propensity of offer 3"


def test_segments_are_fields_by_their_name(engine: SegmentationEngine):
    keep(engine, "VIP", {})
    keep(engine, "At risk", {})
    fields = by_name(engine.fields(), "Segments")
    assert [(name, field.kind, field.label) for name, field in fields.items()] == [
        ("segment:at-risk", "boolean", "Member of At risk"),
        ("segment:vip", "boolean", "Member of VIP"),
    ]
    assert engine.fields()[-1].name == "segment:vip"


def test_a_segment_is_not_offered_what_is_built_on_it(engine: SegmentationEngine):
    keep(engine, "A", {})
    keep(engine, "B", segment("a"))
    keep(engine, "C", {"!": segment("b")})
    keep(engine, "D", {})
    offered = {name: set(by_name(engine.fields(name), "Segments")) for name in "abcd"}
    assert offered == {
        "a": {"segment:d"},
        "b": {"segment:a", "segment:d"},
        "c": {"segment:a", "segment:b", "segment:d"},
        "d": {"segment:a", "segment:b", "segment:c"},
    }
    with pytest.raises(RuleError, match="segment:c"):
        engine.compile(segment("c"), "a")


def test_a_circle_is_refused(engine: SegmentationEngine, saved: SegmentRepository):
    keep(engine, "A", {})
    keep(engine, "B", segment("a"))
    keep(engine, "C", segment("b"))
    with pytest.raises(SegmentCycle, match="A → C → B → A"):
        engine.update("a", SegmentDraft("A", segment("c")), actor="x", expected_version=1)
    with pytest.raises(SegmentCycle, match="A → A"):
        engine.update("a", SegmentDraft("A", segment("a")), actor="x", expected_version=1)
    assert saved.get("a").rule == {}


def write_rule(store: StateStore, segment_id: str, rule: Any) -> None:
    """As somebody would who edits the database by hand."""
    with store.session() as session:
        record = session.get(SegmentRecord, segment_id)
        assert record is not None
        record.rule = rule


def test_a_circle_that_is_in_the_store_ends(engine: SegmentationEngine, saved: SegmentRepository):
    keep(engine, "A", {})
    keep(engine, "B", segment("a"))
    write_rule(saved._store, "a", segment("b"))
    selection = engine.select(segment("b"))
    for ask in (selection.count, selection.sql):
        with pytest.raises(SegmentCycle, match="b → a → b"):
            ask()


def test_a_segment_that_is_gone_is_a_fault_at_its_place(engine: SegmentationEngine, saved: SegmentRepository):
    keep(engine, "A", {})
    keep(engine, "B", {"and": [{">": [{"var": "age"}, 40]}, segment("a")]})
    write_rule(saved._store, "b", {"and": [{">": [{"var": "age"}, 40]}, segment("gone")]})
    with pytest.raises(RuleError) as caught:
        engine.count(saved.get("b").rule)
    assert [(fault.code, fault.path) for fault in caught.value.faults] == [("unknown_column", "$.and[1].==[0].var")]
    with pytest.raises(RuleError, match="segment:gone"):
        engine.count(segment("b"))
    with pytest.raises(RuleError, match="segment:gone"):
        engine.refresh("b")
    assert "segment:gone" in str(saved.get("b").error)


def test_an_unknown_segment_is_not_saved(engine: SegmentationEngine):
    keep(engine, "VIP", {})
    with pytest.raises((RuleError, BadSegment), match="segment:vip"):
        keep(engine, "Not VIP", segment("vipp", False))


def test_before_the_first_scoring(backend: Backend, open_warehouse: Open, saved: SegmentRepository):
    fill(backend, base(20))
    engine = SegmentationEngine(open_warehouse(backend.url), saved)
    assert by_name(engine.fields(), "Predictions") == {}
    for ask in (engine.select, engine.count, engine.members, engine.profile):
        with pytest.raises(PredictionsMissing, match="have not been scored yet"):
            ask({">": [{"var": "churn_probability"}, 0.5]})
    with pytest.raises(PredictionsMissing):
        keep(engine, "Risky", {"==": [{"var": "churn_risk"}, "high"]})
    with pytest.raises(PredictionsMissing):
        engine.members({}, sort="churn_probability")
    with pytest.raises(UnknownColumn, match="'churn_probabilty'"):
        engine.members({}, sort="churn_probabilty")
    assert engine.count({}) == 20


def test_predictions_are_read_on_each_database(backend: Backend, open_warehouse: Open, saved: SegmentRepository):
    fill(backend, base(40))
    warehouse = open_warehouse(backend.url)
    score(warehouse)
    engine = SegmentationEngine(warehouse, saved)
    assert list(by_name(engine.fields(), "Predictions")) == PREDICTIONS
    names = ("customer_id", "churn_probability", "churn_risk", "recency")
    rows = engine.members({}, 1000, columns=names)
    risky = {row["customer_id"] for row in rows if row["churn_risk"] == "high" and row["churn_probability"] > 0.75}
    assert 0 < len(risky) < 40
    rule = {"and": [{"==": [{"var": "churn_risk"}, "high"]}, {">": [{"var": "churn_probability"}, 0.75]}]}
    keep(engine, "Risky", rule)
    assert engine.refresh("risky").customers == engine.count(segment("risky")) == len(risky)
    assert {row["customer_id"] for row in rows if engine.matches(rule, row["customer_id"])} == risky


def test_customers_who_came_after_the_scoring_have_blanks(backend: Backend, open_warehouse: Open):
    fill(backend, base(20))
    warehouse = open_warehouse(backend.url)
    score(warehouse)
    fill(backend, base(30))
    engine = SegmentationEngine(warehouse)
    assert engine.count({"==": [{"var": "churn_risk"}, None]}) == 10
    assert (
        engine.count({"!=": [{"var": "churn_risk"}, "high"]}) + engine.count({"==": [{"var": "churn_risk"}, "high"]})
        == 30
    )
    assert not engine.matches({">=": [{"var": "churn_probability"}, 0]}, "c25")
    assert engine.select({">=": [{"var": "churn_probability"}, 0]}).preview().conditions[0].blanks == 10


COLUMNS_OF_THE_SAME_NAMES = (
    "customer_id varchar(40), days_since_last_transaction integer, transaction_count bigint, "
    "total_revenue double precision, churn_probability double precision, recency integer"
)


def test_a_column_named_like_a_prediction_is_the_column_of_the_view(backend: Backend, open_warehouse: Open):
    rows = [(f"c{i}", i * 13 % 200, 1 + i * 7 % 40, 10.0 * i, i / 1000, 99) for i in range(100)]
    fill(backend, rows, COLUMNS_OF_THE_SAME_NAMES)
    mapping = {"revenue": "total_revenue", "days_since_last": "days_since_last_transaction"}
    warehouse = open_warehouse(backend.url, ml_feature_mapping=mapping, ml_model_input_size=2)
    before = SegmentationEngine(warehouse)
    assert before.count({">=": [{"var": "churn_probability"}, 0.05]}) == 50
    with pytest.raises(PredictionsMissing):
        before.count({">=": [{"var": "predicted_churn_probability"}, 0.05]})

    score_base(warehouse, MockModels({"revenue": "number", "days_since_last": "number"}))
    engine = SegmentationEngine(warehouse)
    assert next(iter(by_name(engine.fields(), "Predictions"))) == "predicted_churn_probability"
    predicted = engine.members({}, 1000, columns=("customer_id", "churn_probability", "predicted_churn_probability"))
    assert {row["customer_id"]: row["churn_probability"] for row in predicted} == {c: p for c, _, _, _, p, _ in rows}
    expected = sum(row["predicted_churn_probability"] >= 0.5 for row in predicted)
    assert 0 < expected < 100
    assert engine.count({">=": [{"var": "predicted_churn_probability"}, 0.5]}) == expected
    assert engine.count({">=": [{"var": "churn_probability"}, 0.05]}) == 50
    assert engine.count({"==": [{"var": "recency"}, 99]}) == 100
    assert engine.count({"<=": [1, {"var": "predicted_recency"}, 5]}) == 100


def test_a_new_scoring_run_is_noticed(backend: Backend, open_warehouse: Open):
    fill(backend, base(20))
    warehouse = open_warehouse(backend.url)
    engine = SegmentationEngine(warehouse)
    score(warehouse)
    before = by_name(engine.fields(), "Predictions")["churn_probability"]
    fill(backend, [(f"c{i}", 190, 1, 1.0, 1, 1.0) for i in range(5)])
    score(warehouse)
    after = by_name(engine.fields(), "Predictions")["churn_probability"]
    assert after.minimum == after.maximum != before.minimum
