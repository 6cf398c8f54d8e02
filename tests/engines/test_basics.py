"""What every database must be able to do, one test for each function; on each database of `tests/engines`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from loyalty_core.cancellation import Cancellation, Cancelled, cancellable
from loyalty_core.errors import LoyaltyError, QueryTimeout
from loyalty_core.rules import compile_rule
from loyalty_core.warehouse import FeatureStore
from loyalty_core.warehouse.columns import histogram, histograms, quantile
from loyalty_core.warehouse.dialects import dialect_of
from tests.fixtures.statements import statements_of
from tests.fixtures.warehouses import in_time
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.engines.engine import Engine, Place

CUSTOMERS = pa.table(
    {
        "customer_id": ["C1", "C2", "C3", "C4", "C5"],
        "city": ["Åre", "are 100%", None, "Oslo", "oslo"],
        "revenue": [10.5, -2.0, None, 1e12, 0.25],
        "purchases": pa.array([3, 0, None, 12, 1], pa.int32()),
        "joined": [date(2020, 2, 29), date(2021, 6, 1), None, date(1999, 12, 31), date(2024, 1, 1)],
    }
)


@pytest.fixture(scope="module")
def filled(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("tables")
    pq.write_table(CUSTOMERS, folder / "customer_features_view.parquet")
    place.load(folder)
    return place


@pytest.fixture(scope="module")
def warehouse(filled: Place, open_at: Callable[..., Warehouse]) -> Warehouse:
    return open_at()


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
    estimates = {name for name, column in columns.items() if column.different is not None}
    assert estimates == ({"customer_id", "city"} if warehouse.dialect.uses_sketches else set())


def test_a_stream_whose_reader_goes_away_ends(warehouse: Warehouse):
    stream = warehouse.stream_arrow(sa.select(warehouse.features), batch_rows=1)
    assert next(stream).num_rows == 1
    stream.close()
    assert len(warehouse.rows(sa.select(warehouse.features))) == 5


@pytest.mark.parametrize(("share", "expected"), [(0.25, 0), (0.5, 1), (0.75, 3), (1.0, 12)])
def test_quantiles(warehouse: Warehouse, share: float, expected: int):
    assert quantile(warehouse, "purchases", share) == expected


def test_histograms_count_everybody_with_a_value(warehouse: Warehouse):
    found = histogram(warehouse, "purchases")
    assert found is not None
    assert sum(found.counts) == 4


def test_histograms_of_several_columns_are_those_of_each(warehouse: Warehouse):
    columns = [warehouse.features.c[name] for name in ("purchases", "revenue")]
    each = [histogram(warehouse, column) for column in columns]
    with statements_of(warehouse.engine) as sent:
        assert histograms(warehouse, columns) == each
    scans = [statement for statement in sent if "customer_features_view" in statement]
    assert len(scans) == (2 if warehouse.dialect.uses_sketches else 4)


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


def test_a_statement_is_stopped_at_its_limit(engine: Engine, filled: Place, open_at: Callable[..., Warehouse]):
    warehouse = open_at(dwh_statement_timeout_seconds=0.3 if engine.is_quick else 10)
    with pytest.raises(QueryTimeout):
        warehouse.rows(sa.text(engine.endless))
    found = wait_until(lambda: in_time(lambda: warehouse.rows(sa.select(warehouse.features))))
    assert len(found) == 5, "the connection is usable afterwards"


@pytest.mark.parametrize("way", ["rows", "bulk"])
def test_a_statement_is_stopped_when_its_result_is_no_longer_wanted(
    engine: Engine, filled: Place, open_at: Callable[..., Warehouse], way: str
):
    warehouse = open_at()
    count = sa.select(sa.literal_column(f"({engine.endless})", sa.BigInteger()).label("n"))
    with cancellable(Cancellation(lambda: True)), pytest.raises(Cancelled):
        warehouse.rows(sa.text(engine.endless)) if way == "rows" else warehouse.fetch_arrow(count)
    assert len(warehouse.rows(sa.select(warehouse.features))) == 5, "the connection is usable afterwards"


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
