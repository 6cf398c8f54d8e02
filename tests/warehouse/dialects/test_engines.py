"""What every database must be able to do, one test for each function; a database is a row of ENGINES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError, QueryTimeout
from loyalty_core.rules import compile_rule
from loyalty_core.rules.sql.dialect import register_dialects
from loyalty_core.warehouse import FeatureStore
from loyalty_core.warehouse.columns import histogram, quantile
from loyalty_core.warehouse.dialects import DIALECTS, dialect_of
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase, SQLiteFile, in_time
from tests.waiting import wait_until
from tests.warehouse.dialects.shopdb import ShopDB

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

CUSTOMERS = """
CREATE TABLE customer_features_view (
    customer_id varchar(20), city varchar(40), revenue double precision, purchases integer, joined date
);
INSERT INTO customer_features_view VALUES
    ('C1', 'Åre', 10.5, 3, '2020-02-29'),
    ('C2', 'are 100%', -2.0, 0, '2021-06-01'),
    ('C3', NULL, NULL, NULL, NULL),
    ('C4', 'Oslo', 1e12, 12, '1999-12-31'),
    ('C5', 'oslo', 0.25, 1, '2024-01-01');
"""


@dataclass(frozen=True)
class Engine:
    """`endless` is a statement that never ends by itself."""

    name: str
    refuses_writes: bool
    reads_predictions: bool
    endless: str


_COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
ENGINES = (
    Engine("duckdb", refuses_writes=True, reads_predictions=True, endless=_COUNTING),
    Engine("postgresql", refuses_writes=True, reads_predictions=True, endless="SELECT pg_sleep(3600)"),
    Engine("sqlite", refuses_writes=True, reads_predictions=False, endless=_COUNTING),
    Engine("shopdb", refuses_writes=False, reads_predictions=False, endless=_COUNTING),
)


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    if request.param.name == "shopdb":
        monkeypatch.setitem(DIALECTS, "shopdb", ShopDB())  # the line of registration
        register_dialects(DIALECTS.values())
    return request.param


@pytest.fixture
def backend(engine: Engine, request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    match engine.name:
        case "duckdb":
            made: Backend = DuckDBFile(tmp_path / "warehouse.duckdb")
        case "postgresql":
            made = PostgresDatabase(request.getfixturevalue("postgres_database"))
        case name:
            made = SQLiteFile(tmp_path / "warehouse.db")
            made.url = made.url.replace("sqlite", name)
    made.execute(CUSTOMERS)
    return made


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    return open_warehouse(backend.url)


def test_it_is_known_by_its_name(engine: Engine, warehouse: Warehouse):
    assert warehouse.dialect is dialect_of(engine.name)
    health = warehouse.health()
    assert health.ok
    assert health.dialect == engine.name
    assert health.server


def test_one_customer(warehouse: Warehouse):
    features = FeatureStore(warehouse).get("C1")
    assert features["city"] == "Åre"
    assert features["revenue"] == 10.5


def test_many_customers(warehouse: Warehouse):
    found = FeatureStore(warehouse).get_many(["C4", "C1", "nobody"])
    assert {identifier: row["purchases"] for identifier, row in found.items()} == {"C1": 3, "C4": 12}


def test_rows_in_bulk(warehouse: Warehouse):
    view = warehouse.features
    select = sa.select(view.c.customer_id, view.c.revenue, view.c.joined).order_by(view.c.customer_id)
    batches = list(warehouse.stream_arrow(select, batch_rows=2))
    assert [batch.num_rows for batch in batches] == [2, 2, 1]
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["customer_id"] for row in rows] == ["C1", "C2", "C3", "C4", "C5"]
    assert [row["revenue"] for row in rows] == [10.5, -2.0, None, 1e12, 0.25]
    assert rows[0]["joined"].isoformat() == "2020-02-29"


def test_the_catalog(warehouse: Warehouse):
    columns = {column.name: column for column in warehouse.columns()}
    assert {name: column.kind for name, column in columns.items() if name != "customer_id"} == {
        "city": "text",
        "revenue": "number",
        "purchases": "number",
        "joined": "date",
    }
    assert columns["purchases"].blanks == 0.2
    assert (columns["purchases"].minimum, columns["purchases"].maximum) == (0, 12)


@pytest.mark.parametrize(("share", "expected"), [(0.25, 0), (0.5, 1), (0.75, 3), (1.0, 12)])
def test_quantiles(warehouse: Warehouse, share: float, expected: int):
    assert quantile(warehouse, "purchases", share) == expected


def test_histograms_count_everybody_with_a_value(warehouse: Warehouse):
    found = histogram(warehouse, "purchases")
    assert found is not None
    assert sum(found.counts) == 4


@pytest.mark.parametrize(
    "rule",
    [
        {">": [{"var": "revenue"}, 0]},
        {"!": {">": [{"var": "revenue"}, 0]}},
        {"!=": [{"var": "city"}, "Oslo"]},
        {"==": [{"var": "city"}, None]},
        {"in": [{"var": "city"}, ["Oslo", "Åre"]]},
        {"in": [{"var": "city"}, ["Oslo", *map(str, range(300))]]},
        {"in": ["100%", {"var": "city"}]},
        {"in": ["O", {"var": "city"}]},
        {"<": [{"var": "city"}, "a"]},
        {"==": [{"var": "purchases"}, {"var": "revenue"}]},
        {"<": [{"min": [{"var": "purchases"}, {"var": "revenue"}]}, 1]},
        {"<=": ["2020-01-01", {"var": "joined"}, "2021-12-31"]},
        {"and": [{"var": "purchases"}, {"!": {"var": "city"}}]},
    ],
)
def test_a_rule_means_the_same_in_sql_and_on_a_row(warehouse: Warehouse, rule: Any):
    view = warehouse.features
    compiled = compile_rule(rule, warehouse.columns())
    chosen = sa.select(view.c.customer_id).where(compiled.to_sql(view, where=True))
    in_sql = sorted(row["customer_id"] for row in warehouse.rows(chosen))
    everybody = warehouse.rows(sa.select(view))
    on_rows = sorted(row["customer_id"] for row in everybody if compiled.matches(row))
    assert in_sql == on_rows


def test_a_statement_is_stopped_at_its_limit(
    engine: Engine, backend: Backend, open_warehouse: Callable[..., Warehouse]
):
    warehouse = open_warehouse(backend.url, dwh_statement_timeout_seconds=0.3)
    with pytest.raises(QueryTimeout):
        warehouse.rows(sa.text(engine.endless))
    found = wait_until(lambda: in_time(lambda: warehouse.rows(sa.select(warehouse.features))))
    assert len(found) == 5, "the connection is usable afterwards"


def test_writing_is_refused(engine: Engine, warehouse: Warehouse):
    statement = sa.text("DELETE FROM customer_features_view")
    if not engine.refuses_writes:
        pytest.skip(f"{engine.name} leaves that to the account")
    with pytest.raises(LoyaltyError):
        warehouse.rows(statement)
    assert len(warehouse.rows(sa.select(warehouse.features))) == 5


def test_predictions_have_a_place(engine: Engine, warehouse: Warehouse):
    target = warehouse.dialect.predictions.destination(warehouse)
    assert target.place
    assert (target.remark == "") == engine.reads_predictions
    assert warehouse.predictions is None
    assert list(warehouse.dialect.predictions.earlier(warehouse)) == []


def test_an_unknown_database_is_taken_for_a_server_that_knows_standard_sql():
    unknown = dialect_of("firebird")
    assert unknown.title == "firebird"
    assert unknown.file_of(sa.make_url("firebird://host/db")) is None
    assert unknown.quantile(sa.column("x"), 0.5) is None
