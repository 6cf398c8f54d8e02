"""Scoring is all or nothing: killed, refused, read meanwhile, or without a place to write."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from loyalty_core.errors import DataError, SettingsError
from loyalty_core.ml.scoring import score_base
from loyalty_core.settings import predictions_file
from loyalty_core.warehouse.predictions import ScoringInProgress, earlier_runs
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase, SQLiteFile
from tests.ml.bases import CUSTOMERS, base, fill, predictions
from tests.waiting import PATIENCE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.ml.scoring.pipeline import ScoringProgress, ScoringResult
    from loyalty_core.ml.serving import Models
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]

pytestmark = pytest.mark.extended


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Open) -> Warehouse:
    fill(backend, base())
    return open_warehouse(backend.url)


class FailsLater:
    """Models that break down on the third batch."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._batches = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bundle, name)

    def scores(self, name: str, encoded: Any) -> Any:
        self._batches += name == "churn"
        if self._batches == 3:
            raise ArithmeticError("the third batch")
        return self._bundle.scores(name, encoded)


def test_a_failure_leaves_the_run_before(warehouse: Warehouse, bundle: Bundle) -> None:
    first = score_base(warehouse, bundle)
    broken: Models = FailsLater(bundle)  # pyright: ignore[reportAssignmentType]
    with pytest.raises(ArithmeticError, match="the third batch"):
        score_base(warehouse, broken, batch_rows=50)
    assert {row["scored_at"] for row in predictions(warehouse).values()} == {first.scored_at}
    second = score_base(warehouse, bundle)
    assert {row["scored_at"] for row in predictions(warehouse).values()} == {second.scored_at}


def test_the_predictions_are_for_this_account_alone(duckdb_file: DuckDBFile, open_warehouse: Open, bundle: Bundle):
    fill(duckdb_file, base())
    warehouse = open_warehouse(duckdb_file.url)
    score_base(warehouse, bundle)
    written = predictions_file(warehouse.settings, warehouse.dialect.file_of(warehouse.url))
    assert written.resolve() != written
    assert written.resolve().stat().st_mode & 0o777 == 0o600


def test_a_second_run_at_the_same_time_is_refused(
    backend: Backend, warehouse: Warehouse, open_warehouse: Open, bundle: Bundle
) -> None:
    other = open_warehouse(backend.url)

    def run_another(_progress: ScoringProgress) -> None:
        with pytest.raises(ScoringInProgress, match="Another scoring run is writing"):
            score_base(other, bundle)

    score_base(warehouse, bundle, run_another)
    assert score_base(other, bundle).customers == CUSTOMERS


def test_a_file_or_table_of_something_else_is_not_replaced(
    backend: Backend, open_warehouse: Open, bundle: Bundle, tmp_path: Path
) -> None:
    fill(backend, base(20))
    if backend.name == "duckdb":
        place = tmp_path / "mine.parquet"
        place.write_text("precious")
        warehouse = open_warehouse(backend.url, predictions_file=place)
    else:
        backend.execute("CREATE TABLE precious AS SELECT 1 AS content")
        warehouse = open_warehouse(backend.url, dwh_predictions_table="precious")
    with pytest.raises(SettingsError, match="holds something other than predictions"):
        score_base(warehouse, bundle)
    assert warehouse.predictions is None


KILLED = """
import os, sys
from pathlib import Path
from loyalty_core.ml.bundles.bundle import load_bundle
from loyalty_core.ml.scoring.pipeline import score_base
from loyalty_core.settings.settings import Settings
from loyalty_core.warehouse import Warehouse

url, models_dir, batches = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = []

def kill(progress):
    seen.append(progress)
    if len(seen) == batches:
        os.kill(os.getpid(), 9)

score_base(Warehouse(Settings(dwh_url=url, models_dir=models_dir)), load_bundle(Path(models_dir)), kill, batch_rows=50)
"""


def score_once_free(warehouse: Warehouse, bundle: Bundle) -> ScoringResult:
    """A server needs a moment to notice that a client is gone."""

    def score() -> ScoringResult | None:
        try:
            return score_base(warehouse, bundle)
        except ScoringInProgress:
            return None

    return wait_until(score)


@pytest.mark.parametrize(
    "batches", [pytest.param(1, marks=pytest.mark.slow), 5, pytest.param(10, marks=pytest.mark.slow)]
)
def test_killed_at_any_moment_the_run_before_stays(
    backend: Backend, warehouse: Warehouse, bundle: Bundle, models_dir: Path, tmp_path: Path, batches: int
) -> None:
    first = score_base(warehouse, bundle)
    command = [sys.executable, "-c", KILLED, backend.url, str(models_dir), str(batches)]
    killed = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert {row["scored_at"] for row in predictions(warehouse).values()} == {first.scored_at}
    second = score_once_free(warehouse, bundle)
    assert {row["scored_at"] for row in predictions(warehouse).values()} == {second.scored_at}
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_reader_never_sees_half_a_replacement(tmp_path: Path, open_warehouse: Open, bundle: Bundle) -> None:
    file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(file, base(3000))
    warehouse = open_warehouse(file.url, predictions_months_kept=0)
    score_base(warehouse, bundle)
    seen: list[Any] = []
    stopped, has_read = threading.Event(), [threading.Event(), threading.Event()]

    def read(done: threading.Event) -> None:
        while not stopped.is_set():
            relation = warehouse.predictions
            assert relation is not None
            version, customers = relation.c.model_version, sa.func.count().label("customers")
            different = sa.func.count(sa.distinct(version)).label("versions")
            seen.append(
                tuple(warehouse.rows(sa.select(customers, different, sa.func.max(relation.c.rfm_segment)))[0].values())
            )
            done.set()

    readers = [threading.Thread(target=read, args=(done,)) for done in has_read]
    for reader in readers:
        reader.start()
    for run in range(10):
        score_base(warehouse, replace(bundle, version=f"version {run}"), batch_rows=500)
        # Who is slower than several runs reads from a file that is gone; that is not what is asked here.
        for done in has_read:
            done.clear()
        assert all(done.wait(PATIENCE_SECONDS) for done in has_read)
    stopped.set()
    for reader in readers:
        reader.join()
    assert len(seen) >= 20
    assert {facts[:2] for facts in seen} == {(3000, 1)}
    assert len(list(tmp_path.glob("customer_predictions.*Z.parquet"))) == warehouse.settings.predictions_runs_kept


def test_a_running_query_ends_on_the_version_it_began_with(
    tmp_path: Path, open_warehouse: Open, bundle: Bundle
) -> None:
    file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(file, base(5000))
    warehouse = open_warehouse(file.url)
    first = score_base(warehouse, bundle)
    relation = warehouse.predictions
    assert relation is not None
    stream = warehouse.stream_arrow(sa.select(relation.c.scored_at), batch_rows=100)
    next(stream)
    score_base(warehouse, bundle)
    assert {value for batch in stream for value in batch.column(0).to_pylist()} == {first.scored_at}


def test_grants_outlive_a_new_run(postgres_database: str, open_warehouse: Open, bundle: Bundle) -> None:
    database = PostgresDatabase(postgres_database)
    fill(database, base(20))
    warehouse = open_warehouse(database.url)
    score_base(warehouse, bundle)
    role = f"reader_{uuid4().hex}"
    database.execute(f'CREATE ROLE "{role}"; GRANT SELECT ON customer_predictions TO "{role}", PUBLIC')
    try:
        score_base(warehouse, bundle)
        granted = f"has_table_privilege('{role}', 'customer_predictions', 'SELECT')"
        assert warehouse.rows(sa.text(f"SELECT {granted} AS may_read"))[0]["may_read"]
    finally:
        database.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_a_view_on_the_table_stops_the_run_and_is_named(
    postgres_database: str, open_warehouse: Open, bundle: Bundle
) -> None:
    database = PostgresDatabase(postgres_database)
    fill(database, base(20))
    warehouse = open_warehouse(database.url)
    first = score_base(warehouse, bundle)
    database.execute("CREATE VIEW at_risk AS SELECT * FROM customer_predictions WHERE churn_risk = 'high'")
    with pytest.raises(DataError, match="view at_risk depends on table"):
        score_base(warehouse, bundle)
    assert {row["scored_at"] for row in predictions(warehouse).values()} == {first.scored_at}


def test_an_account_that_may_not_write_gets_a_file(
    postgres_database: str, open_warehouse: Open, bundle: Bundle, tmp_path: Path
) -> None:
    database = PostgresDatabase(postgres_database)
    fill(database, base(20))
    role = f"reader_{uuid4().hex[:8]}"
    database.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD 'reader'; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        f"GRANT SELECT ON customer_features_view TO {role}"
    )
    try:
        url = make_url(database.url).set(username=role, password="reader").render_as_string(hide_password=False)
        warehouse = open_warehouse(url)
        result = score_base(warehouse, bundle)
        assert result.place == "data/customer_predictions.parquet"
        assert result.remarks[0].startswith("The account may not create the table customer_predictions.")
        assert "name a table in it by DWH_PREDICTIONS_TABLE" in result.unread
        assert pq.read_table(tmp_path / "data/customer_predictions.parquet").num_rows == 20
        warehouse.close()
    finally:
        database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_table_in_another_schema_with_an_unusual_name(
    postgres_database: str, open_warehouse: Open, bundle: Bundle
) -> None:
    database = PostgresDatabase(postgres_database)
    fill(database, base(20))
    database.execute('CREATE SCHEMA "odd schema"')
    name = 'my "best" guess å: 100%, ' + "ø" * 18
    doubled = name.replace('"', '""')
    warehouse = open_warehouse(
        database.url,
        dwh_predictions_table=f'"odd schema"."{doubled}"',
        predictions_runs_kept=2,
        predictions_months_kept=0,
    )
    runs = [score_base(warehouse, bundle) for _ in range(4)]
    assert {result.customers for result in runs} == {20}
    assert {row["scored_at"] for row in predictions(warehouse).values()} == {runs[-1].scored_at}
    [(earlier, _)] = earlier_runs(warehouse)
    assert earlier.scored_at == runs[-2].scored_at
    left = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'odd schema' ORDER BY length(tablename)"
    short, long = (row["name"] for row in warehouse.rows(sa.text(left)))
    assert short == name
    assert long == f'my "best" guess å: 100%, øøøøøøø_{earlier.scored_at:%Y%m%dt%H%M%S%fz}'


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, open_warehouse: Open, bundle: Bundle) -> None:
    file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(file, base(20))
    (tmp_path / "taken").write_text("a file where the folder should be")
    warehouse = open_warehouse(file.url, predictions_file=tmp_path / "taken/predictions.parquet")
    with pytest.raises(SettingsError, match=r"cannot be written to .*taken/predictions\.parquet"):
        score_base(warehouse, bundle)


def test_an_embedded_database_without_predictions_of_its_own_kind(tmp_path: Path, open_warehouse: Open, bundle: Bundle):
    file = SQLiteFile(tmp_path / "warehouse.sqlite")
    fill(file, base(50))
    warehouse = open_warehouse(file.url)
    result = score_base(warehouse, bundle)
    assert result.remarks == ("The screens cannot read predictions beside SQLite.",)
    assert warehouse.predictions is None
    assert pq.read_table(tmp_path / "customer_predictions.parquet").num_rows == 50


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from loyalty_core.errors import DataError
from loyalty_core.ml.bundles.bundle import load_bundle
from loyalty_core.ml.scoring.pipeline import score_base
from loyalty_core.settings.settings import Settings
from loyalty_core.warehouse import Warehouse

url, models_dir = sys.argv[1:]
bundle = load_bundle(Path(models_dir))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    state = f"sqlite:///{models_dir}/state.db"  # not that of whoever runs the tests
    score_base(Warehouse(Settings(dwh_url=url, models_dir=models_dir, state_database_url=state)), bundle)
except DataError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_run_before(
    tmp_path: Path, open_warehouse: Open, bundle: Bundle, models_dir: Path
) -> None:
    file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(file, base(3000))
    warehouse = open_warehouse(file.url)
    first = score_base(warehouse, bundle)
    command = [sys.executable, "-c", FULL_DISK, file.url, str(models_dir)]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert "Those of the run before are unchanged" in done.stdout, done.stderr
    assert {row["scored_at"] for row in predictions(warehouse).values()} == {first.scored_at}
    assert not list(tmp_path.glob("*.unfinished"))
