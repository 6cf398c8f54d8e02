"""Predictions in tables of the warehouse: a run at a time, all or nothing, where nothing else stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from loyalty_core.errors import SettingsError
from loyalty_core.warehouse.predictions import earlier_runs, last_run
from tests.engines import clickhouse, shopdb, spark
from tests.fixtures.statements import statements_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.engines.engine import Engine, Place


@pytest.fixture(scope="module", params=[shopdb.ENGINE.row(), spark.ENGINE.row(), clickhouse.ENGINE.row()])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture(scope="module")
def filled(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("tables")
    customers = pa.table({"customer_id": pa.array([1, 2, 3], pa.int64()), "revenue": [1.0, 2.0, None]})
    pq.write_table(customers, folder / "customer_features_view.parquet")
    pq.write_table(pa.table({"x": [1]}), folder / "something_else.parquet")
    place.load(folder)
    return place


@pytest.fixture
def warehouse(filled: Place, open_at: Callable[..., Warehouse], request: pytest.FixtureRequest) -> Warehouse:
    """With a name of its own for the predictions of each test."""
    return open_at(dwh_predictions_table=request.node.originalname, predictions_runs_kept=2, predictions_months_kept=0)


def run_of(version: str, customers: int = 3) -> pa.RecordBatch:
    every = range(customers)
    return pa.record_batch(
        {
            "customer_id": pa.array([1 + one for one in every], pa.int64()),
            "churn_probability": pa.array([0.25 * one for one in every], pa.float64()),
            "churn_risk": pa.array(["o'Å\\\n😀", None, "low"][:customers]).dictionary_encode(),
            "recommended_offer": pa.array([1, None, 3][:customers], pa.int32()),
            "offer_1": pa.array([0.1, None, 0.3][:customers], pa.float32()),
            "rfm_segment": ["Loyal"] * customers,
            "model_version": [version] * customers,
            "scored_at": pa.array([datetime.now(UTC)] * customers, pa.timestamp("us", "UTC")),
        }
    )


def write(warehouse: Warehouse, *batches: pa.RecordBatch) -> None:
    target = warehouse.dialect.predictions.destination(warehouse)
    assert target.remark == ""
    with target.open(batches[0].schema) as append:
        for batch in batches:
            append(batch)
    warehouse.forget()


def read(warehouse: Warehouse, predictions: sa.FromClause) -> list[dict[str, Any]]:
    return warehouse.rows(sa.select(predictions).order_by(predictions.c.customer_id))


def test_a_run_is_read_as_it_was_written(warehouse: Warehouse):
    batch = run_of("a")
    write(warehouse, batch.slice(0, 1), batch.slice(1))
    assert warehouse.predictions is not None
    rows = read(warehouse, warehouse.predictions)
    written = batch.to_pylist()
    for row, expected in zip(rows, written, strict=True):
        assert row.pop("scored_at").replace(tzinfo=UTC) == expected.pop("scored_at")
        assert row == pytest.approx(expected)
    run = last_run(warehouse)
    assert run is not None and run.model_versions == ("a",)


def test_a_finished_run_is_read_once(warehouse: Warehouse):
    write(warehouse, run_of("a"))
    run = last_run(warehouse)
    with statements_of(warehouse.engine) as sent:
        assert last_run(warehouse) == run
    assert sent == []
    write(warehouse, run_of("b"))
    run = last_run(warehouse)
    assert run is not None and run.model_version == "b"


def test_runs_outside_the_history_are_dropped(warehouse: Warehouse):
    for version in "abc":
        write(warehouse, run_of(version))
    run = last_run(warehouse)
    assert run is not None and run.model_version == "c"
    assert [one.model_version for one, _ in earlier_runs(warehouse)] == ["b"]


def test_a_run_that_fails_leaves_the_one_before(warehouse: Warehouse):
    write(warehouse, run_of("a"))
    target = warehouse.dialect.predictions.destination(warehouse)
    with pytest.raises(KeyboardInterrupt), target.open(run_of("b").schema) as append:
        append(run_of("b"))
        raise KeyboardInterrupt
    warehouse.forget()
    run = last_run(warehouse)
    assert run is not None and run.model_version == "a"
    tables = warehouse.ask(lambda connection: sa.inspect(connection).get_table_names())
    assert len([name for name in tables if name.startswith("test_a_run_that_fails")]) == 1


def test_without_the_right_to_create_tables_a_file_is_written(
    open_at: Callable[..., Warehouse],
):
    warehouse = open_at(dwh_predictions_table="no_such_schema.customer_predictions")
    target = warehouse.dialect.predictions.destination(warehouse)
    assert target.place.endswith(".parquet")
    assert target.remark.startswith("The account cannot create tables beside no_such_schema.customer_predictions (")
    assert target.remark.endswith("The screens cannot read the file.")


def test_a_table_of_the_plain_name_is_left_alone(engine: Engine, filled: Place, open_at: Callable[..., Warehouse]):
    if engine.name not in {"spark", "clickhouse"}:
        pytest.skip("there is no view of the plain name")
    warehouse = open_at(dwh_predictions_table="something_else")
    with pytest.raises(SettingsError, match="something_else is not a view of predictions and is left as it is"):
        write(warehouse, run_of("a"))
    assert warehouse.rows(sa.text("SELECT x FROM something_else")) == [{"x": 1}]
