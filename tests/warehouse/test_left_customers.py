"""Customers of whom the churn history says that they have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.analytics.churn import signs_of_leaving, still_here
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.rules import BuilderCondition, BuilderGroup, to_builder
from loyalty_core.segments import LEFT_FIELD, SegmentationEngine
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HISTORY = "CREATE TABLE customer_churn_history AS FROM (VALUES {rows}) AS history({columns})"
UNDATED = HISTORY.format(rows="('a', 'Yes'), ('b', 'No'), ('c', NULL), ('x', 'Yes')", columns="customer_id, churned")
DATED = HISTORY.format(
    rows="('a', 1, DATE '2024-01-01'), ('b', 1, DATE '2024-01-01'), ('b', 0, DATE '2024-02-01')",
    columns="customer_id, churned, snapshot_date",
)
WITHOUT_IDS = HISTORY.format(rows="(1, 1), (0, 2)", columns="churned, points")


@pytest.fixture
def open_base(tmp_path: Path) -> Iterator[Callable[..., ScopedBase]]:
    opened: list[Warehouse] = []

    def open_with(history: str, columns: str = "points", **settings: object) -> ScopedBase:
        file = tmp_path / "warehouse.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.execute(
                f"""CREATE VIEW customer_features_view AS
                FROM (VALUES ('a', 400), ('b', 20), ('c', 30)) AS customers(customer_id, {columns})"""
            )
            connection.execute(history)
        warehouse = Warehouse(Settings(dwh_url=f"duckdb:///{file}", gone_after_days=None, **settings))  # type: ignore[arg-type]
        opened.append(warehouse)
        return ScopedBase(warehouse, SegmentationEngine(warehouse), Scope())

    yield open_with
    for warehouse in opened:
        warehouse.close()


def present(base: ScopedBase) -> list[str]:
    rows = base.engine.members(still_here(base).scope.rule)
    return [row["customer_id"] for row in rows]


@pytest.mark.parametrize("history", [UNDATED, DATED])
def test_they_are_left_out_of_whom_to_contact(open_base: Callable[..., ScopedBase], history: str) -> None:
    base = open_base(history)
    assert present(base) == ["b", "c"]
    assert [field.name for field in base.engine.fields()][-1] == LEFT_FIELD


def test_whom_to_contact_is_a_rule_that_the_visual_builder_shows(open_base: Callable[..., ScopedBase]) -> None:
    base = open_base(UNDATED)
    rule = still_here(base).scope.rule_with({">=": [{"var": "points"}, 25]})
    shown = to_builder(rule, base.engine.fields())
    assert isinstance(shown, BuilderGroup)
    assert shown.members[0] == BuilderGroup("none", (BuilderCondition(LEFT_FIELD, "is_true"),))


def test_the_signs_of_one_customer(open_base: Callable[..., ScopedBase]) -> None:
    base = open_base(UNDATED)
    settings = base.warehouse.settings
    signs = [signs_of_leaving(base.engine, settings, {"customer_id": one, "points": 1}) for one in ("a", "b")]
    assert signs == [("Left in the churn history is yes",), ()]


@pytest.mark.parametrize(
    ("history", "columns", "settings"),
    [
        (UNDATED, "points", {"gone_by_history": False}),
        (UNDATED, "points", {"personal_columns": ["Churned"]}),
        (WITHOUT_IDS, "points", {}),
        # The label says what followed a day in the past; the view knows what is true now.
        (DATED, "days_since_last_transaction", {}),
        ("CREATE TABLE other AS SELECT 1 AS one", "points", {}),
    ],
)
def test_nothing_is_known_of_them(
    open_base: Callable[..., ScopedBase], history: str, columns: str, settings: dict[str, object]
) -> None:
    base = open_base(history, columns, **settings)
    assert present(base) == ["a", "b", "c"]
    assert LEFT_FIELD not in [field.name for field in base.engine.fields()]
