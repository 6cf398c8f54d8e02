"""The day that “in the last 30 days” counts from, in both readings of a rule."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from loyalty_core.rules import BuilderCondition, from_builder
from loyalty_core.rules.relative_dates import is_relative
from loyalty_core.segments import SegmentationEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import DuckDBFile

LAST = date(2026, 2, 10)
IN_LAST_30_DAYS = from_builder(BuilderCondition("joined", "in_last_days", (30,)))
IN_NEXT_30_DAYS = from_builder(BuilderCondition("joined", "in_next_days", (30,)))
TRANSACTIONS = f"""
    CREATE TABLE transactions (customer_id VARCHAR, transaction_at TIMESTAMP, amount DOUBLE);
    INSERT INTO transactions VALUES ('d0', '2026-01-05 10:00', 5), ('d0', '{LAST} 23:30', 5);
"""
SNAPSHOT = """
    CREATE TABLE warehouse_info ("key" VARCHAR, "value" VARCHAR);
    INSERT INTO warehouse_info VALUES ('snapshot_date', '2026-02-01T00:00:00');
"""


@pytest.fixture
def open_engine(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]) -> Callable[..., SegmentationEngine]:
    """A base of one customer for each of the last 100 days up to LAST, and of the next 50; ids such as d-3."""

    def open_it(*statements: str, last: date = LAST, **settings: str) -> SegmentationEngine:
        duckdb_file.execute(
            "CREATE TABLE customer_features_view AS SELECT 'd' || day AS customer_id, "
            f"DATE '{last}' + CAST(day AS INTEGER) AS joined FROM range(-99, 51) days(day)"
        )
        for statement in statements:
            duckdb_file.execute(statement)
        return SegmentationEngine(open_warehouse(duckdb_file.url, **settings))

    return open_it


@pytest.mark.parametrize(
    ("statements", "last", "origin"),
    [
        ((TRANSACTIONS,), LAST, "newest transaction"),
        ((TRANSACTIONS, SNAPSHOT), date(2026, 2, 1), "snapshot date of the local warehouse"),
        (
            (TRANSACTIONS, "ALTER TABLE customer_features_view ADD COLUMN updated_at DATE DEFAULT '2026-02-05'"),
            date(2026, 2, 5),
            "newest updated at in the features view",
        ),
    ],
)
def test_the_last_days_are_those_of_the_data(
    open_engine: Callable[..., SegmentationEngine], statements: tuple[str, ...], last: date, origin: str
):
    engine = open_engine(*statements)
    selection = engine.select(IN_LAST_30_DAYS)
    expected = {f"d{(last - LAST).days - back}" for back in range(30)}
    assert {row["customer_id"] for row in selection.members(1000)} == expected
    assert {one for one in (f"d{day}" for day in range(-99, 51)) if selection.matches(one)} == expected
    assert selection.count() == engine.count(IN_NEXT_30_DAYS) == 30
    reference = selection.reference_day()
    assert reference is not None
    assert (reference.day, reference.origin) == (last, origin)
    assert selection.describe().endswith(f"is in the last 30 days ({last - timedelta(days=29)} to {last})")


def test_the_next_days_follow_the_last_and_share_none_with_them(open_engine: Callable[..., SegmentationEngine]):
    selection = open_engine(TRANSACTIONS).select(IN_NEXT_30_DAYS)
    assert {row["customer_id"] for row in selection.members(1000)} == {f"d{day}" for day in range(1, 31)}
    assert selection.describe().endswith(
        f"is in the next 30 days ({LAST + timedelta(days=1)} to {LAST + timedelta(days=30)})"
    )


def present_day() -> date:
    return datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("statements", "settings", "origin"),
    [
        ((TRANSACTIONS,), {"relative_dates": "calendar"}, "the present day"),
        ((), {}, "the present day, since the data has no date"),
        (
            ("ALTER TABLE customer_features_view ADD COLUMN updated_at DATE DEFAULT '2999-01-01'",),
            {},
            "the present day, since the data has dates in the future",
        ),
    ],
)
def test_the_present_day_by_setting_or_for_want_of_another(
    open_engine: Callable[..., SegmentationEngine], statements: tuple[str, ...], settings: dict[str, str], origin: str
):
    selection = open_engine(*statements, last=present_day(), **settings).select(IN_LAST_30_DAYS)
    reference = selection.reference_day()
    assert reference is not None
    assert (reference.day, reference.origin) == (present_day(), origin)
    assert selection.count() == 30


def test_a_rule_without_relative_dates_has_no_reference_day(open_engine: Callable[..., SegmentationEngine]):
    engine = open_engine()
    assert engine.select({">": [{"var": "joined"}, "2026-01-01"]}).reference_day() is None
    assert engine.select({}).reference_day() is None


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (IN_LAST_30_DAYS, True),
        ({"and": [{"or": [{"==": [{"var": "x"}, {"today": []}]}]}]}, True),
        ({"==": [{"var": "today"}, "today"]}, False),
        (None, False),
        ([], False),
    ],
)
def test_what_is_relative(rule: object, expected: bool):
    assert is_relative(rule) is expected
