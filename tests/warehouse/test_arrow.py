"""Bulk reading: the same types and values from every database."""

from __future__ import annotations

import gc
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError, QueryTimeout, ViewUnusable, WarehouseUnavailable
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.dialects import dialect_of
from tests.fixtures.warehouses import in_time
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fixtures.warehouses import Backend

pytestmark = pytest.mark.extended

SCHEMA = {
    "customer_id": "string",
    "full_name": "string",
    "email": "string",
    "city": "string",
    "ref": "string",
    "total_revenue": "double",
    "score": "double",
    "transaction_count": "int32",
    "points": "int64",
    "joined": "date32[day]",
    "last_seen": "timestamp[us]",
    "active": "bool",
}


def types(table: pa.Table) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


def test_every_type_arrives_as_promised(warehouse: Warehouse):
    table = warehouse.fetch_arrow(sa.select(warehouse.features).order_by(warehouse.customer_id))
    assert types(table) == SCHEMA
    rows = table.to_pylist()
    assert rows[0] == {
        "customer_id": "C1",
        "full_name": "Åse Berg",
        "email": "ase@example.com",
        "city": "Oslo",
        "ref": "00000000-0000-0000-0000-00000000000a",
        "total_revenue": 10.1,
        "score": 0.5,
        "transaction_count": 3,
        "points": 9_007_199_254_740_993,
        "joined": date(2020, 2, 29),
        "last_seen": datetime(2024, 5, 6, 7, 8, 9, 123456),
        "active": True,
    }
    assert set(rows[2].values()) == {"C3", None}


def test_an_empty_result_has_a_schema(warehouse: Warehouse):
    batches = list(warehouse.stream_arrow(sa.select(warehouse.features).where(sa.false())))
    assert [batch.num_rows for batch in batches] == [0]
    assert types(pa.Table.from_batches(batches)) == SCHEMA


def test_sums_and_averages_are_floats_or_integers(warehouse: Warehouse):
    view = warehouse.features
    table = warehouse.fetch_arrow(
        sa.select(
            sa.func.sum(view.c.total_revenue).label("revenue"),
            sa.func.sum(view.c.points).label("points"),
            sa.func.avg(view.c.points).label("average"),
            sa.func.count().label("n"),
        )
    )
    assert set(types(table).values()) <= {"double", "int64"}
    assert table.to_pylist()[0]["revenue"] == pytest.approx(25.35)
    assert table.to_pylist()[0]["n"] == 4


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("customer_id", "C1"),
        ("full_name", "Åse Berg"),
        ("total_revenue", Decimal("10.10")),
        ("score", 0.5),
        ("transaction_count", 3),
        ("points", 9_007_199_254_740_993),
        ("joined", date(2020, 2, 29)),
        ("last_seen", datetime(2024, 5, 6, 7, 8, 9, 123456)),
        ("ref", UUID(int=10)),
    ],
)
def test_values_of_every_kind_are_bound(warehouse: Warehouse, column: str, value: Any):
    view = warehouse.features
    dialect = warehouse.url.get_backend_name()
    for condition in (
        view.c[column] == value,
        view.c[column].in_([value, value]),
        dialect_of(dialect).is_one_of(view.c[column], [value]),
        sa.and_(view.c[column] >= value, view.c[column] <= value),
    ):
        table = warehouse.fetch_arrow(sa.select(view.c.customer_id).where(condition))
        assert table.to_pylist() == [{"customer_id": "C1"}]


def test_a_boolean_is_bound(warehouse: Warehouse):
    flag = sa.bindparam("flag", False, type_=sa.Boolean)
    found = warehouse.fetch_arrow(sa.select(warehouse.customer_id).where(warehouse.features.c.active == flag))
    assert found.to_pylist() == [{"customer_id": "C2"}]


@pytest.mark.parametrize(
    "text", ["it's", '"; DROP TABLE customers; --', "100%", "%s", "\\' OR 1=1 --", ":x", "$1", "ø\n"]
)
def test_text_comes_back_as_it_was_bound(warehouse: Warehouse, text: str):
    statement = sa.select(sa.literal(text).label("t"), sa.func.length(text).label("n"))
    assert warehouse.fetch_arrow(statement).to_pylist() == [{"t": text, "n": len(text)}]


def test_a_long_list_is_bound(warehouse: Warehouse):
    view = warehouse.features
    names = ["C1", *(f"X{number}" for number in range(100_000))]
    found = warehouse.fetch_arrow(
        sa.select(view.c.customer_id).where(warehouse.dialect.is_one_of(view.c.customer_id, names))
    )
    assert found.to_pylist() == [{"customer_id": "C1"}]


MANY = """
CREATE VIEW many AS SELECT x AS customer_id, x * 2 AS double_x, 'text' AS t FROM generate_series(1, 200000) AS s(x)
"""


@pytest.fixture
def many(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """200,000 rows."""
    backend.execute(MANY)
    return open_warehouse(backend.url, dwh_customer_features_table="many")


@pytest.mark.parametrize("batch_rows", [1_000, 65_536, 1_000_000])
def test_batches_are_no_larger_than_asked(many: Warehouse, batch_rows: int):
    batches = list(many.stream_arrow(sa.select(many.features), batch_rows=batch_rows))
    assert max(batch.num_rows for batch in batches) <= batch_rows
    assert pa.Table.from_batches(batches).column("customer_id").to_pylist() == list(range(1, 200_001))


def test_bound_values_stream_too(many: Warehouse):
    batches = list(many.stream_arrow(sa.select(many.features).where(many.customer_id > 1000), batch_rows=5_000))
    assert sum(batch.num_rows for batch in batches) == 199_000
    assert len(batches) >= 40


def test_a_stream_left_early_frees_its_connection(many: Warehouse):
    for _ in range(30):  # more often than the pool has connections
        stream = many.stream_arrow(sa.select(many.features), batch_rows=100)
        next(stream)
        stream.close()
    assert many.engine.pool.checkedout() == 0  # pyright: ignore[reportAttributeAccessIssue]


def test_a_forgotten_stream_frees_its_connection(many: Warehouse):
    stream = many.stream_arrow(sa.select(many.features), batch_rows=100)
    next(stream)
    del stream
    gc.collect()
    assert many.engine.pool.checkedout() == 0  # pyright: ignore[reportAttributeAccessIssue]


def test_the_schema_is_the_same_for_order_limit_and_distinct(warehouse: Warehouse):
    view = warehouse.features
    page = sa.select(view).order_by(view.c.total_revenue.desc().nulls_last(), view.c.customer_id).limit(2).offset(1)
    assert [row["customer_id"] for row in warehouse.fetch_arrow(page).to_pylist()] == ["C1", "C4"]
    assert types(warehouse.fetch_arrow(page)) == SCHEMA
    revenue = view.c.total_revenue
    distinct = sa.select(revenue).distinct().where(revenue.is_not(None))
    assert sorted(row["total_revenue"] for row in warehouse.fetch_arrow(distinct).to_pylist()) == [-5, 10.1, 20.25]
    grouped = sa.select(revenue, sa.func.count().label("n")).group_by(revenue).order_by(revenue.nulls_last())
    assert warehouse.fetch_arrow(grouped).to_pylist()[0] == {"total_revenue": -5, "n": 1}


def test_a_bulk_statement_that_is_too_slow_is_stopped(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url, dwh_statement_timeout_seconds=0.3)
    left, right = (sa.func.generate_series(1, 1_000_000).alias(name) for name in "ab")
    pairs = sa.select(sa.func.count().label("n")).select_from(left.join(right, sa.true()))
    with pytest.raises(QueryTimeout):
        warehouse.fetch_arrow(pairs)
    assert wait_until(lambda: in_time(lambda: warehouse.fetch_arrow(sa.select(warehouse.features)).num_rows)) == 4


def test_a_stream_may_last_longer_than_one_wait(many: Warehouse):
    """The limit is for each wait: a slow reader is not stopped."""
    limit = 0.5
    limited = Warehouse(many.settings.model_copy(update={"dwh_statement_timeout_seconds": limit}))

    def read_slowly() -> int:
        stream = limited.stream_arrow(sa.select(limited.features).limit(40_000), batch_rows=20_000)
        read = next(stream).num_rows
        time.sleep(1.2 * limit)
        return read + sum(batch.num_rows for batch in stream)

    try:
        assert wait_until(lambda: in_time(read_slowly)) == 40_000
    finally:
        limited.close()


def test_a_fault_in_the_middle_of_a_stream_is_readable(many: Warehouse):
    wrong = sa.select(
        (
            sa.literal_column("1")
            / sa.cast(sa.cast(sa.case((many.customer_id > 190_000, "no"), else_="1"), sa.Text), sa.Integer)
        ).label("x")
    ).select_from(many.features)
    with pytest.raises(WarehouseUnavailable) as fault:
        for _ in many.stream_arrow(wrong, batch_rows=1_000):
            pass
    assert fault.value.why
    assert "SELECT" not in str(fault.value)
    assert many.fetch_arrow(sa.select(many.features).limit(1)).num_rows == 1


def test_a_missing_column_is_readable_in_bulk_too(warehouse: Warehouse):
    with pytest.raises(ViewUnusable, match="no longer exists"):
        warehouse.fetch_arrow(sa.select(sa.column("gone")).select_from(warehouse.features))


def test_bulk_reading_cannot_write(
    customers: Backend, postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    customers.execute("CREATE SEQUENCE numbers")
    warehouse = open_warehouse(customers.url)
    with pytest.raises(LoyaltyError, match="read-only"):
        warehouse.fetch_arrow(sa.select(sa.func.nextval("numbers").label("n")))


def test_postgresql_types_that_arrow_has_not(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(postgres_database)
    table = warehouse.fetch_arrow(
        sa.select(
            sa.literal_column("'NaN'::numeric").label("nan"),
            sa.literal_column("12.5::numeric").label("n"),
            sa.literal_column("""'{"a": 1}'::jsonb""").label("j"),
            sa.literal_column("'10.0.0.1'::inet").label("i"),
            sa.literal_column("timestamptz '2024-01-01 00:00+02'").label("t"),
            sa.literal_column("ARRAY[1, 2]").label("a"),
        )
    )
    row = table.to_pylist()[0]
    assert row["nan"] != row["nan"]
    assert (row["n"], row["j"], row["a"]) == (12.5, '{"a": 1}', [1, 2])
    assert row["t"] == datetime(2023, 12, 31, 22, tzinfo=UTC)


def test_odd_names_arrive_unchanged(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    names = ["a b", 'a"b', "a%b", "a%(x)s", "a:b", "a(b)", "ø", "select", "a\nb", "a$1", "A", "l" * 63]
    columns = ", ".join('1.5::numeric(5, 2) AS "' + name.replace('"', '""') + '"' for name in names)
    backend.execute(f"CREATE VIEW odd AS SELECT {columns}")
    view = (warehouse := open_warehouse(backend.url)).table("odd")
    conditions = [view.c[name] == Decimal("1.5") for name in names]
    assert warehouse.fetch_arrow(sa.select(view).where(*conditions)).to_pylist() == [dict.fromkeys(names, 1.5)]


def test_enums_arrive_as_text(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE TYPE tier AS ENUM ('gold', 'silver'); CREATE VIEW t AS SELECT 'gold'::tier AS tier")
    warehouse = open_warehouse(backend.url)
    table = warehouse.fetch_arrow(sa.select(warehouse.table("t")))
    assert (types(table), table.to_pylist()) == ({"tier": "string"}, [{"tier": "gold"}])
