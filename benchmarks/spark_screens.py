"""A journey through the screens on Spark and on DuckDB, in a real browser: `python -m benchmarks.spark_screens`.

The journey is that of `tests/engines/journey.py`, figures compared with SQL on the same customers. For each
screen, seconds from the click to the finished screen, of both; of Spark also the processor time of the Thrift server,
and how many queries it was asked. `--customers` sets how many, 5 million by default; `--folder` is where they are kept
for another run; `--pictures FOLDER` takes one of every screen. The Thrift server is that of the tests, with 2 GB.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import expect

from benchmarks.network_in_sql import seconds_of
from loyalty_core.demo.generate import generate
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.spark.predictions import SparkTables
from tests.browser.pages import DESKTOP, chromium, take_picture, wait_until_drawn
from tests.engines.journey import JOURNEY, queries_of, write_copies
from tests.engines.spark import SparkPlace, SparkServer
from tests.ml.fixtures import CONTRACT
from tests.workbench import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa
    from playwright.sync_api import Page

    from tests.workbench import Query

CUSTOMERS = 5_000_000
ORIGINALS = 20_000
TABLES = ("customer_features_view", "transactions", "offers")
LONGEST_SECONDS = 1_800
# What docs/engines.md recommends for a large base on Spark.
SETTINGS = {"ML_MOCK_MODE": "true", "DWH_STATEMENT_TIMEOUT_SECONDS": "600", "DWH_CATALOG_TTL_SECONDS": "3600"}


class TablesFromFiles(SparkTables):
    """Predictions by way of Parquet files, which the server of this machine reads: sending them takes minutes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        """One file, and one statement."""
        file = self.folder / f"{time.monotonic_ns()}.parquet"
        pq.write_table(pa.Table.from_batches([batch]), file)
        name = connection.dialect.identifier_preparer.format_table(table)
        columns = ", ".join(batch.schema.names)
        statement = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM parquet.`{file}`"
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark_screens")
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        if not (folder / "tables").exists():
            make_customers(folder, given.customers)
        server = SparkServer(memory="2g", compiles=True)
        server.start()
        place = SparkPlace(server.url)
        try:
            place.load(folder / "tables")
            score(place.url, folder, TablesFromFiles(folder))
            compare(folder, place.url, server.pid, given.pictures)
        finally:
            place.drop()
            server.stop()


def make_customers(folder: Path, customers: int) -> None:
    """Parquet files, and a DuckDB file of the same customers with predictions beside it."""
    (folder / "tables").mkdir(parents=True)
    generate(folder / "demo.duckdb", customers=min(ORIGINALS, customers))
    write_copies(folder / "demo.duckdb", folder / "tables", customers)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table} AS FROM '{folder}/tables/{table}.parquet'")
    score(f"duckdb:///{folder}/warehouse.duckdb", folder)


def score(url: str, folder: Path, tables: SparkTables | None = None) -> None:
    settings = Settings(dwh_url=url, models_dir=folder, ml_mock_mode=True, dwh_statement_timeout_seconds=3_600)
    with closing(Warehouse(settings)) as warehouse:
        if tables is not None:
            warehouse.dialect.predictions = tables
        score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))


def compare(folder: Path, spark_url: str, pid: int, pictures: Path | None) -> None:
    expect.set_options(timeout=LONGEST_SECONDS * 1_000)
    copy = folder / "expected.duckdb"  # one process opens one path with one configuration only
    copy.unlink(missing_ok=True)
    copy.hardlink_to(folder / "warehouse.duckdb")
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute(
            "CREATE TEMP VIEW customers AS SELECT * FROM customer_features_view "
            f"JOIN '{folder}/customer_predictions_mock.parquet' USING (customer_id)"
        )
        query: Query = lambda statement, *values: connection.execute(statement, values).fetchall()  # noqa: E731
        local = {}
        for step in journey(f"duckdb:///{folder}/warehouse.duckdb", query):
            local[step.name] = step.seconds
            print(f"DuckDB: {step.name:<30}{step.seconds:>9.1f} s", flush=True)
        print(f"load average {os.getloadavg()[0]:.1f}")
        print(f"{'':<30}{'DuckDB':>11}{'Spark':>11}{'ratio':>9}{'processor':>13}{'queries':>9}")
        for step in journey(spark_url, query, lambda: seconds_of(pid), pictures):
            times = f"{local[step.name]:>9.1f} s{step.seconds:>9.1f} s{step.seconds / local[step.name]:>9.1f}"
            print(f"{step.name:<30}{times}{step.spent:>11.1f} s{step.queries:>9}", flush=True)
        print(f"load average {os.getloadavg()[0]:.1f}")


@dataclass(frozen=True)
class Step:
    """Seconds until a screen is finished, and how much `spent` and the queries of the warehouse have grown."""

    name: str
    seconds: float
    spent: float
    queries: int


def journey(
    url: str, query: Query, spent: Callable[[], float] = time.process_time, pictures: Path | None = None
) -> Iterator[Step]:
    """Each screen in turn."""
    served = serve(Path(tempfile.mkdtemp(prefix="loyalty-app-")), DWH_URL=url, **SETTINGS)
    with served as app, chromium() as browser:
        page = browser.new_page(viewport=DESKTOP, locale="en-GB")
        page.set_default_timeout(LONGEST_SECONDS * 1_000)
        for name, step in JOURNEY.items():
            started, before, asked = time.perf_counter(), spent(), queries_of(app)
            if page.url == "about:blank":
                page.goto(app.url)
            step(page, query)
            wait_until_drawn(page)
            yield Step(name, time.perf_counter() - started, spent() - before, queries_of(app) - asked)
            if pictures:
                _take(page, pictures / f"{name.lower().replace(', ', '-').replace(' ', '-')}.png")


def _take(page: Page, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    take_picture(page, file)
    page.set_viewport_size(DESKTOP)
    wait_until_drawn(page)


if __name__ == "__main__":
    main()
