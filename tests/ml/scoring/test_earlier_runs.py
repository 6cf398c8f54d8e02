"""Earlier scoring runs are stored, as many as the settings say, and can be read beside the current one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from loyalty_core.errors import DataError
from loyalty_core.ml.scoring import score_base
from loyalty_core.warehouse.predictions import ScoringRun, earlier_runs, last_run, stored_runs
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase, SQLiteFile, address
from tests.ml.bases import base, fill
from tests.warehouse.written_runs import write_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]

pytestmark = pytest.mark.extended


@pytest.fixture
def database(postgres_database: str) -> PostgresDatabase:
    database = PostgresDatabase(postgres_database)
    fill(database, base(20))
    return database


def score(warehouse: Warehouse, bundle: Bundle, *versions: str) -> list[ScoringRun]:
    """One run by each version; the runs, newest first."""
    results = [score_base(warehouse, replace(bundle, version=version)) for version in versions]
    return [ScoringRun(result.scored_at, tuple(result.arms), warehouse.identity.state) for result in reversed(results)]


def runs_of(warehouse: Warehouse) -> list[ScoringRun]:
    return [run for run, _ in earlier_runs(warehouse)]


def test_there_are_none_before_the_second_run(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    fill(backend, base(20))
    warehouse = open_warehouse(backend.url)
    assert earlier_runs(warehouse) == []
    score_base(warehouse, bundle)
    assert earlier_runs(warehouse) == []


def test_the_last_runs_are_listed_newest_first(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    fill(backend, base(20))
    warehouse = open_warehouse(backend.url, predictions_runs_kept=3, predictions_months_kept=0)
    runs = score(warehouse, bundle, "a", "b", "c", "d", "e")
    assert last_run(warehouse) == runs[0]
    assert runs_of(warehouse) == runs[1:3]


def test_a_lower_limit_applies_from_the_next_run_on(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    fill(backend, base(20))
    many = score(open_warehouse(backend.url, predictions_months_kept=0), bundle, "a", "b", "c", "d", "e", "f", "g")
    few = open_warehouse(backend.url, predictions_runs_kept=2, predictions_months_kept=0)
    assert runs_of(few) == many[1:6]
    score_base(few, bundle)
    assert runs_of(few) == many[:1]


def test_an_earlier_run_holds_its_own_predictions(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    fill(backend, base(30))
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, bundle)
    present = warehouse.predictions
    assert present is not None
    said = sa.select(present.c.customer_id, present.c.churn_probability, present.c.rfm_segment)
    before = warehouse.rows(said.order_by(present.c.customer_id))
    fill(backend, [(row[0], 500, 1, 1.0, 1, 1.0) for row in base(10)])
    score_base(warehouse, bundle)
    [(_, earlier)] = earlier_runs(warehouse)
    names = ("customer_id", "churn_probability", "rfm_segment")
    assert warehouse.rows(sa.select(*(earlier.c[name] for name in names)).order_by(earlier.c.customer_id)) == before


def test_earlier_runs_join_with_the_features_view(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    ids = "bigint NOT NULL, days_since_last_transaction integer, transaction_count bigint, total_revenue real"
    columns = f"customer_id {ids}, avg_transaction_value real, lifetime_value real"
    fill(backend, [(number, number, 2, 3.0, 4.0, 5.0) for number in range(9_000, 9_020)], columns)
    warehouse = open_warehouse(backend.url)
    score(warehouse, bundle, "a", "b")
    [(_, earlier)] = earlier_runs(warehouse)
    same = warehouse.customer_id == earlier.c.customer_id
    joined = sa.select(sa.func.count().label("n")).select_from(warehouse.features.join(earlier, same))
    assert warehouse.rows(joined)[0]["n"] == 20


def test_an_embedded_database_without_predictions_has_no_earlier_runs(
    tmp_path: Path, open_warehouse: Open, bundle: Bundle
) -> None:
    file = SQLiteFile(tmp_path / "warehouse.sqlite")
    fill(file, base(20))
    warehouse = open_warehouse(file.url)
    score(warehouse, bundle, "a", "b")
    assert earlier_runs(warehouse) == []


def test_a_file_that_is_no_run_is_passed_over(tmp_path: Path, open_warehouse: Open, bundle: Bundle) -> None:
    file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(file, base(20))
    warehouse = open_warehouse(file.url)
    runs = score(warehouse, bundle, "a", "b")
    (tmp_path / "customer_predictions.20200101T000000000000Z.parquet").write_text("no Parquet")
    assert runs_of(warehouse) == runs[1:]
    assert pq.read_table(tmp_path / "customer_predictions.parquet").num_rows == 20


def test_who_may_read_the_present_run_may_read_the_earlier(
    database: PostgresDatabase, open_warehouse: Open, bundle: Bundle
) -> None:
    warehouse = open_warehouse(database.url)
    score_base(warehouse, bundle)
    database.execute("GRANT SELECT ON customer_predictions TO PUBLIC")
    score_base(warehouse, bundle)
    tables = (
        "SELECT count(*) AS n FROM information_schema.table_privileges "
        "WHERE grantee = 'PUBLIC' AND table_name LIKE 'customer_predictions%'"
    )
    assert warehouse.rows(sa.text(tables))[0]["n"] == 2


def test_a_view_on_the_present_run_is_never_left_on_an_old_one(
    database: PostgresDatabase, open_warehouse: Open, bundle: Bundle
) -> None:
    warehouse = open_warehouse(database.url)
    runs = score(warehouse, bundle, "a", "b")
    database.execute("CREATE VIEW at_risk AS SELECT * FROM customer_predictions")
    with pytest.raises(DataError, match="view at_risk depends on table customer_predictions"):
        score_base(warehouse, bundle)
    assert last_run(warehouse) == runs[0]
    assert runs_of(warehouse) == runs[1:]


def test_an_earlier_run_with_a_view_on_it_is_not_removed(
    database: PostgresDatabase, open_warehouse: Open, bundle: Bundle
) -> None:
    warehouse = open_warehouse(database.url, predictions_runs_kept=2, predictions_months_kept=0)
    first = score(warehouse, bundle, "a", "b")[1:]
    [(_, earlier)] = earlier_runs(warehouse)
    assert isinstance(earlier, sa.Table)
    database.execute(f"CREATE VIEW last_spring AS SELECT * FROM {earlier.name}")
    runs = score(warehouse, bundle, "c", "d")
    assert runs_of(warehouse) == [runs[1], *first]
    database.execute("DROP VIEW last_spring")
    score_base(warehouse, bundle)
    assert runs_of(warehouse) == runs[:1]


def test_a_reader_of_an_earlier_run_does_not_delay_a_run(
    database: PostgresDatabase, open_warehouse: Open, bundle: Bundle
) -> None:
    warehouse = open_warehouse(database.url, predictions_runs_kept=2, predictions_months_kept=0)
    first = score(warehouse, bundle, "a", "b")[1:]
    [(_, earlier)] = earlier_runs(warehouse)
    assert isinstance(earlier, sa.Table)
    with psycopg.connect(**address(database.url)) as reader:
        reader.execute(f"SELECT count(*) FROM {earlier.name}".encode())
        runs = score(warehouse, bundle, "c")
        assert last_run(warehouse) == runs[0]
        assert first[0] in runs_of(warehouse)


def test_a_table_that_only_looks_like_an_earlier_run_is_left_alone(
    database: PostgresDatabase, open_warehouse: Open, bundle: Bundle
) -> None:
    warehouse = open_warehouse(database.url, predictions_runs_kept=2, predictions_months_kept=0)
    runs = score(warehouse, bundle, "a", "b")
    mine = "customer_predictions_20000101t000000000000z"
    database.execute(f"CREATE TABLE {mine} AS SELECT * FROM customer_predictions")
    runs = score(warehouse, bundle, "c") + runs
    assert runs_of(warehouse) == runs[1:2]
    assert warehouse.rows(sa.text(f"SELECT count(*) AS n FROM {mine}"))[0]["n"] == 20


def test_the_first_run_of_each_month_stays_when_newer_ones_go(
    backend: Backend, open_warehouse: Open, bundle: Bundle
) -> None:
    fill(backend, base(20))
    warehouse = open_warehouse(backend.url, predictions_runs_kept=2, predictions_months_kept=3)
    now = datetime.now(UTC)
    this_month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = (this_month - timedelta(days=1)).replace(day=20)
    long_ago = before - timedelta(days=100)
    times = [long_ago, before, before + timedelta(days=5), this_month]
    for time in times:
        write_run(backend, warehouse, time, [("c1", 0.5, "a", 0.7, 0.3)], present=False)
    assert [run.scored_at for run in runs_of(warehouse)] == times[::-1]
    first, second, third = (score_base(warehouse, replace(bundle, version=version)) for version in "bcd")
    assert [run.scored_at for run in runs_of(warehouse)] == [second.scored_at, this_month, before]
    assert first.scored_at < second.scored_at < third.scored_at
    assert stored_runs(warehouse)[0][0].scored_at == third.scored_at
