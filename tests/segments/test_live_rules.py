"""Rules for one customer at a time agree with the same rules in SQL, and are found by the fields that they read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.segments import LiveRulesReader
from loyalty_core.segments.starters import make_starters
from tests.segments.scored import keep, segment

if TYPE_CHECKING:
    from loyalty_core.segments import LiveRules, SegmentationEngine, SegmentRepository
    from loyalty_core.warehouse import Warehouse

CUSTOMERS = 300
MONEY = {">": [{"var": "total_revenue"}, 500]}
RISK = {"==": [{"var": "churn_risk"}, "high"]}


def rows_of(warehouse: Warehouse, live: LiveRules) -> list[dict[str, Any]]:
    """Some customers with the features and the predictions that the rules read."""
    view, predictions = warehouse.features, warehouse.predictions
    assert predictions is not None
    columns = [predictions.c[column].label(name) for name, column in live.predictions.items()]
    identifier = warehouse.customer_id
    joined = view.outerjoin(predictions, identifier == predictions.c.customer_id)
    return warehouse.rows(sa.select(view, *columns).select_from(joined).order_by(identifier).limit(CUSTOMERS))


def test_rows_and_sql_agree(scored_demo: Warehouse, saved: SegmentRepository, engine: SegmentationEngine) -> None:
    assert make_starters(scored_demo, engine, saved)
    keep(engine, "base", MONEY)
    keep(engine, "both", {"and": [segment("base"), RISK]})
    keep(engine, "neither", {"!": [{"or": [segment("both"), segment("base")]}]})
    live = LiveRulesReader(scored_demo, saved).read()
    assert live.unusable == {}
    rows = rows_of(scored_demo, live)
    ids = [str(row["customer_id"]) for row in rows]
    by_row = {one: live.belonging(row, live.rules) for one, row in zip(ids, rows, strict=True)}
    for found in saved.list():
        in_sql, _ = engine.select(found.rule).belonging(ids)
        assert {one: by_row[one][found.id] for one in ids} == in_sql, found.name
    assert 0 < sum(answers["both"] for answers in by_row.values()) < CUSTOMERS


def test_the_index_follows_references(scored_demo: Warehouse, saved: SegmentRepository, engine: Any) -> None:
    keep(engine, "money", MONEY)
    keep(engine, "built on it", segment("money", belongs=False))
    keep(engine, "risk", RISK)
    keep(engine, "recent", {">=": [{"var": "signup_date"}, {"today": [-30]}]})
    live = LiveRulesReader(scored_demo, saved).read()
    names = {one.id: one.name for one in saved.list()}
    found = {
        field: {names[one] for one in live.reading(field)}
        for field in ((), ("total_revenue",), ("churn_risk",), ("churn_risk", "total_revenue"))
    }
    assert found == {
        (): {"recent"},
        ("total_revenue",): {"money", "built on it", "recent"},
        ("churn_risk",): {"risk", "recent"},
        ("churn_risk", "total_revenue"): set(names.values()),
    }
    assert live.reading(None) == set(names)


def test_what_is_not_known_is_left_out(scored_demo: Warehouse, saved: SegmentRepository, engine: Any) -> None:
    keep(engine, "money", MONEY)
    keep(engine, "risk", RISK)
    keep(engine, "built on risk", {"or": [segment("risk"), MONEY]})
    live = LiveRulesReader(scored_demo, saved).read()
    assert live.belonging({"total_revenue": 501}, live.rules) == {"money": True}


def test_rules_are_compiled_again_when_a_segment_changes(
    scored_demo: Warehouse, saved: SegmentRepository, engine: Any
) -> None:
    keep(engine, "money", MONEY)
    reader = LiveRulesReader(scored_demo, saved)
    first = reader.read()
    assert reader.read() is first
    saved.amend("money", {"rule": {"<": [{"var": "total_revenue"}, 500]}}, actor="ann")
    second = reader.read()
    assert first.belonging({"total_revenue": 1}, ["money"]) == {"money": False}
    assert second.belonging({"total_revenue": 1}, ["money"]) == {"money": True}


def test_a_segment_that_cannot_be_used_says_why(scored_demo: Warehouse, saved: SegmentRepository, engine: Any) -> None:
    keep(engine, "money", MONEY)
    keep(engine, "built on it", segment("money"))
    saved.amend("money", {"rule": {">": [{"var": "gone"}, 1]}}, actor="ann")
    live = LiveRulesReader(scored_demo, saved).read()
    assert live.rules == {}
    assert {error.code for error in live.unusable.values()} == {"bad_rule"}
