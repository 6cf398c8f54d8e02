"""Counting, matching, explaining, keeping and refreshing on the demo: each figure is that of SQL written by hand."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.errors import CustomerNotFound, ViewUnusable
from loyalty_core.rules import RuleError
from loyalty_core.segments import (
    BadSegment,
    SegmentationEngine,
    SegmentChanged,
    SegmentDraft,
    SegmentNotFound,
    SegmentRepository,
)
from tests.rules.random_rules import DemoRules, TestColumn
from tests.segments.rules_in_sql import RULES
from tests.segments.scored import keep, segment
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER, Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Column, Warehouse
    from tests.fixtures.warehouses import Backend, DuckDBFile

RICH, SLEEPING = {">": [{"var": "total_revenue"}, 800]}, {">": [{"var": "days_since_last_transaction"}, 120]}
RICH_SLEEPERS = {"and": [segment("rich"), segment("sleeping")]}
AWAKE = {"and": [segment("rich"), segment("rich-sleepers", False)]}
RANDOM_RULES = 300
NESTED = "total_revenue > 800 AND NOT (total_revenue > 800 AND coalesce(days_since_last_transaction > 120, false))"


def members_in_sql(sql: Query, where: str) -> set[str]:
    return {customer for (customer,) in sql(f"SELECT customer_id FROM customers WHERE {where}")}


def sample_of(sql: Query, customers: int) -> set[str]:
    found = sql("SELECT customer_id FROM customers ORDER BY hash(customer_id) LIMIT ?", customers)
    return {customer for (customer,) in found}


def saved_members(saved: SegmentRepository, state_file: Path, segment_id: str, sample: set[str]) -> set[str]:
    """All of the table; the repository says the same of each customer in `sample`."""
    with closing(sqlite3.connect(state_file)) as connection:
        found = connection.execute("SELECT customer_id FROM segment_members WHERE segment_id = ?", (segment_id,))
        members = {customer for (customer,) in found}
    assert {customer for customer in sample if saved.is_member(segment_id, customer)} == sample & members
    return members


def keep_two_levels(engine: SegmentationEngine) -> None:
    keep(engine, "Rich", RICH)
    keep(engine, "Sleeping", SLEEPING)
    keep(engine, "Rich sleepers", RICH_SLEEPERS)
    keep(engine, "Awake", AWAKE)


@pytest.mark.parametrize(("rule", "where"), RULES.values(), ids=RULES)
def test_count_and_members_are_those_of_sql(engine: SegmentationEngine, sql: Query, rule: Any, where: str):
    expected = members_in_sql(sql, where)
    assert 0 < len(expected) <= DEMO_CUSTOMERS
    assert engine.count(rule) == len(expected)
    found = [row["customer_id"] for start in (0, 1000) for row in engine.members(rule, 1000, start)]
    assert found == sorted(expected)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("name", "customers"), [("nested", 300), ("none of two", 60), ("a prediction", 150), ("RFM", 60)]
)
def test_each_customer_matches_who_is_a_member(engine: SegmentationEngine, sql: Query, name: str, customers: int):
    rule, where = RULES[name]
    members = members_in_sql(sql, where)
    sample = sample_of(sql, customers)
    assert sample & members
    assert sample - members
    selection = engine.select(rule)
    assert {customer for customer in sample if selection.matches(customer)} == sample & members
    for one in (*sorted(sample & members)[:5], *sorted(sample - members)[:5]):
        assert engine.matches(rule, one) == (one in members)


def test_a_rule_over_segments_two_levels_deep(engine: SegmentationEngine, sql: Query):
    keep_two_levels(engine)
    expected = members_in_sql(sql, NESTED)
    assert 0 < len(expected) < DEMO_CUSTOMERS
    assert engine.count(segment("awake")) == engine.count(AWAKE) == len(expected)
    assert engine.count(segment("awake", False)) == DEMO_CUSTOMERS - len(expected)
    sample = sample_of(sql, 60)
    assert {customer for customer in sample if engine.matches(segment("awake"), customer)} == sample & expected


def test_a_rule_over_segments_of_predictions(engine: SegmentationEngine, sql: Query):
    keep(engine, "Risky", {"==": [{"var": "churn_risk"}, "high"]})
    rule = {"and": [segment("risky"), {"<": [{"var": "confidence"}, 0.2]}, {"==": [{"var": "country"}, "Norway"]}]}
    expected = members_in_sql(sql, "churn_risk = 'high' AND confidence < 0.2 AND country = 'Norway'")
    assert expected
    assert engine.count(rule) == len(expected)


def test_an_archived_segment_can_still_be_read(engine: SegmentationEngine, saved: SegmentRepository, sql: Query):
    keep(engine, "Rich", RICH)
    saved.archive("rich", actor="ann")
    assert engine.count(segment("rich")) == len(members_in_sql(sql, "total_revenue > 800"))


@pytest.mark.parametrize("customer", ["nobody", "", "'; DROP TABLE x; --", "\0", "a" * 300])
def test_a_customer_whom_nobody_knows(engine: SegmentationEngine, customer: str):
    selection = engine.select(RICH)
    for ask in (selection.matches, selection.explain):
        with pytest.raises(CustomerNotFound, match="No customer has the id"):
            ask(customer)


def test_an_explanation_has_the_customers_values_and_what_would_turn_it(engine: SegmentationEngine, sql: Query):
    keep(engine, "Rich", RICH)
    [(revenue, risk)] = sql("SELECT total_revenue, churn_risk FROM customers WHERE customer_id = ?", GUIDE_CUSTOMER)
    assert revenue > 800
    assert risk != "high"
    rule = {"and": [segment("rich"), {"==": [{"var": "churn_risk"}, "high"]}, {">": [{"var": "total_revenue"}, 1]}]}
    explanation = engine.select(rule).explain(GUIDE_CUSTOMER)
    assert not explanation.holds
    assert [(part.path, part.holds, part.actual) for part in explanation.children] == [
        ("$.and[0].==", True, {"segment:rich": True}),
        ("$.and[1].==", False, {"churn_risk": risk}),
        ("$.and[2].>", True, {"total_revenue": revenue}),
    ]
    assert explanation.children[0].sentence == "Member of Rich is yes"
    assert explanation.change is not None
    assert [(change.column, change.after) for change in explanation.change] == [("churn_risk", "high")]


def test_every_fault_of_a_rule_is_reported(engine: SegmentationEngine):
    rule = {"and": [{">": [{"var": "total_revenu"}, 5]}, {"==": [{"var": "age"}, "old"]}, segment("gone")]}
    for ask in (engine.compile, engine.select, engine.count, engine.members, engine.profile):
        with pytest.raises(RuleError) as caught:
            ask(rule)
        assert {(fault.code, fault.path) for fault in caught.value.faults} == {
            ("unknown_column", "$.and[0].>[0].var"),
            ("wrong_type", "$.and[1].==[1]"),
            ("unknown_column", "$.and[2].==[0].var"),
        }


def test_a_faulty_rule_is_not_saved(engine: SegmentationEngine, saved: SegmentRepository):
    faulty = {">": [{"var": "no_such_column"}, 5]}
    with pytest.raises(RuleError, match="no_such_column"):
        keep(engine, "Bad", faulty)
    assert saved.list() == []
    keep(engine, "Rich", RICH)
    with pytest.raises(RuleError):
        engine.update("rich", SegmentDraft("Rich", faulty), actor="bob", expected_version=1)
    assert saved.get("rich").version == 1


def test_update_saves_the_next_version_once(engine: SegmentationEngine, saved: SegmentRepository):
    keep(engine, "Rich", RICH)
    draft = SegmentDraft("Very rich", {">": [{"var": "total_revenue"}, 5000]})
    assert engine.update("rich", draft, actor="bob", expected_version=1).version == 2
    with pytest.raises(SegmentChanged, match="bob saved version 2"):
        engine.update("rich", draft, actor="cat", expected_version=1)
    assert saved.get("rich").name == "Very rich"


def test_restore_asks_whether_the_rule_can_still_be_used(engine: SegmentationEngine, saved: SegmentRepository):
    saved.create(SegmentDraft("Rich", {">": [{"var": "a_column_of_last_year"}, 5]}), actor="ann")
    engine.update("rich", SegmentDraft("Rich", RICH), actor="ann", expected_version=1)
    with pytest.raises(RuleError, match="a_column_of_last_year"):
        engine.restore("rich", 1, actor="bob")
    engine.update("rich", SegmentDraft("Rich", {}), actor="ann", expected_version=2)
    restored = engine.restore("rich", 2, actor="bob")
    assert (restored.version, restored.rule, restored.updated_by) == (4, RICH, "bob")
    with pytest.raises(SegmentNotFound, match="no version 9"):
        engine.restore("rich", 9, actor="bob")


def test_without_a_repository_rules_work_and_nothing_is_saved(scored_demo: Warehouse):
    engine = SegmentationEngine(scored_demo)
    assert engine.count({}) == DEMO_CUSTOMERS
    assert engine.near_duplicates({}) == ()
    with pytest.raises(BadSegment, match="No segments are saved here"):
        engine.refresh("rich")


def test_refresh_saves_members_and_what_changed(
    engine: SegmentationEngine, saved: SegmentRepository, sql: Query, tmp_path: Path
):
    keep(engine, "Rich", RICH)
    sample = sample_of(sql, 60)
    rich, richer = (members_in_sql(sql, f"total_revenue > {least}") for least in (800, 1500))
    size = engine.refresh("rich", cause="edit")
    assert (size.customers, size.base, size.joined, size.left) == (len(rich), DEMO_CUSTOMERS, len(rich), 0)
    assert (size.version, size.cause) == (1, "edit")
    assert saved_members(saved, tmp_path / "state.db", "rich", sample) == rich

    engine.update("rich", SegmentDraft("Rich", {">": [{"var": "total_revenue"}, 1500]}), actor="x", expected_version=1)
    assert saved.get("rich").is_stale
    size = engine.refresh("rich")
    assert (size.customers, size.joined, size.left) == (len(richer), 0, len(rich - richer))
    assert (size.version, size.cause) == (2, "on demand")
    assert saved_members(saved, tmp_path / "state.db", "rich", sample) == richer

    young = {"<": [{"var": "age"}, 30]}
    engine.update("rich", SegmentDraft("Rich", young), actor="x", expected_version=2)
    size = engine.refresh("rich")
    others = members_in_sql(sql, "age < 30")
    assert (size.customers, size.joined, size.left) == (len(others), len(others - richer), len(richer - others))
    assert saved.get("rich").sizes_recent == (len(rich), len(richer), len(others))
    assert not saved.get("rich").is_stale


def test_a_refresh_that_fails_is_recorded_beside_the_last_good_size(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], saved: SegmentRepository
):
    duckdb_file.execute("CREATE TABLE customer_features_view AS SELECT range::text customer_id, range x FROM range(50)")
    engine = SegmentationEngine(open_warehouse(duckdb_file.url), saved)
    keep(engine, "Ten", {"<": [{"var": "x"}, 10]})
    engine.refresh("ten")

    duckdb_file.execute("ALTER TABLE customer_features_view RENAME x TO y")
    with pytest.raises(RuleError):
        engine.refresh("ten")
    found = saved.get("ten")
    assert found.error is not None
    assert "There is no column" in found.error
    assert found.size is not None
    assert (found.size.customers, saved.is_member("ten", "3"), len(saved.sizes("ten"))) == (
        10,
        True,
        1,
    )

    duckdb_file.execute("DROP TABLE customer_features_view")
    with pytest.raises(ViewUnusable):
        engine.refresh("ten")
    assert "customer_features_view" in str(saved.get("ten").error)

    duckdb_file.execute("CREATE TABLE customer_features_view AS SELECT range::text customer_id, range x FROM range(5)")
    assert engine.refresh("ten").customers == 5
    assert saved.get("ten").error is None


def test_refreshing_what_is_not_there(engine: SegmentationEngine):
    with pytest.raises(SegmentNotFound):
        engine.refresh("nope")


def test_ids_of_every_type_are_members_as_text(
    backend: Backend, open_warehouse: Callable[..., Warehouse], saved: SegmentRepository
):
    backend.execute(
        "CREATE TABLE customer_features_view (customer_id uuid, points bigint);"
        "INSERT INTO customer_features_view VALUES ('00000000-0000-0000-0000-00000000000A', 5), (NULL, 7), "
        "('00000000-0000-0000-0000-00000000000b', 1)"
    )
    engine = SegmentationEngine(open_warehouse(backend.url), saved)
    keep(engine, "Some", {">": [{"var": "points"}, 2]})
    assert engine.refresh("some").customers == 1
    assert saved.is_member("some", "00000000-0000-0000-0000-00000000000a")
    assert engine.matches({">": [{"var": "points"}, 2]}, "00000000-0000-0000-0000-00000000000a")


def written_values(sql: Query, column: Column) -> tuple[Any, ...]:
    """Values that stand in the data, as they stand in a rule."""
    name = column.name.replace('"', '""')
    found = sql(f'SELECT DISTINCT "{name}" FROM customers WHERE "{name}" IS NOT NULL ORDER BY hash("{name}") LIMIT 12')
    return tuple(value for (value,) in found)


@pytest.mark.slow
def test_random_rules_over_features_predictions_and_segments(engine: SegmentationEngine, sql: Query):
    """The count in SQL is the sum of the single answers, which read the same rows in Python."""
    keep_two_levels(engine)
    in_segments = {
        "rich": "total_revenue > 800",
        "sleeping": "coalesce(days_since_last_transaction > 120, false)",
        "rich-sleepers": "total_revenue > 800 AND coalesce(days_since_last_transaction > 120, false)",
        "awake": NESTED,
    }
    fields = [field for field in engine.fields() if field.name != "customer_id"]
    columns = tuple(
        TestColumn(
            field.name,
            field.kind,
            None,
            (True, False) if field.kind == "boolean" else written_values(sql, field),
        )
        for field in fields
    )
    flags = ", ".join(f'{where} AS "segment:{name}"' for name, where in in_segments.items())
    names = [name for name, *_ in sql(f"DESCRIBE SELECT *, {flags} FROM customers")]
    rows = [dict(zip(names, row, strict=True)) for row in sql(f"SELECT *, {flags} FROM customers")]
    maker, told_apart = DemoRules(columns, random.Random(11)), 0
    for _ in range(RANDOM_RULES):
        json_logic = maker.rule(3)
        try:
            rule = engine.compile(json_logic)
        except RuleError as error:
            assert {fault.code for fault in error.faults} <= {"wrong_type", "too_large"}, (json_logic, error)
            continue
        expected = sum(map(rule.matches, rows))
        assert engine.count(json_logic) == expected, json_logic
        told_apart += 0 < expected < DEMO_CUSTOMERS
    assert told_apart > RANDOM_RULES / 2
