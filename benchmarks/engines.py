"""The main questions on Spark or ClickHouse against DuckDB, over the same customers: `python -m benchmarks.engines`.

ENGINE_CUSTOMERS sets how many, 5 million by default; ENGINE=clickhouse compares ClickHouse. SPARK_URL names a Thrift
server that can read the Parquet files that are written to ENGINE_FOLDER, a temporary folder by default; otherwise one
is started as for the tests, with 2 GB. Every question is asked once, as by the first visitor: seconds on the clock for
Spark, which computes in another process, and of processor for ClickHouse.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import sqlalchemy as sa

from loyalty_core.analytics.churn import read_curve
from loyalty_core.analytics.overview import read_outlook
from loyalty_core.analytics.rfm import read_rfm
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.demo.generate import generate
from loyalty_core.ml.features import FeatureContract, InputFeature
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.rfm import compute_cut_points
from loyalty_core.segments import SegmentationEngine
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.columns import histogram, read_catalog
from tests.engines.clickhouse import ClickHousePlace
from tests.engines.spark import SparkPlace, SparkServer

if TYPE_CHECKING:
    from collections.abc import Callable

ENGINE = os.environ.get("ENGINE", "spark")
CUSTOMERS = int(os.environ.get("ENGINE_CUSTOMERS", "5000000"))
# Customers of the demo, of whom there are as many copies as are needed.
ORIGINALS = 20_000
RULE = {
    "and": [
        {">": [{"var": "total_revenue"}, 500]},
        {"in": [{"var": "customer_tier"}, ["Gold", "Platinum"]]},
        {"or": [{"==": [{"var": "country"}, "Norway"]}, {"<": [{"var": "age"}, 40]}]},
        {"!": {">": [{"var": "churn_score"}, 0.5]}},
        {"<=": ["2015-01-01", {"var": "signup_date"}, "2026-06-30"]},
    ]
}


def main() -> None:
    with ExitStack() as stack:
        folder = Path(os.environ.get("ENGINE_FOLDER") or stack.enter_context(tempfile.TemporaryDirectory()))
        file = make_customers(folder)
        place = open_place(folder, stack)
        stack.callback(place.drop)
        started = time.perf_counter()
        place.load(file.parent)
        print(f"{CUSTOMERS:,} customers; load average {os.getloadavg()[0]:.1f}")
        print(f"{f'into a table of {ENGINE.title()}':<34}{time.perf_counter() - started:>9.1f} s")
        local = folder / "warehouse.duckdb"
        with duckdb.connect(str(local)) as connection:
            connection.execute(f"CREATE OR REPLACE TABLE customer_features_view AS FROM read_parquet('{file}')")
        own, other = open_warehouse(f"duckdb:///{local}", folder / "own"), open_warehouse(place.url, folder / ENGINE)
        with closing(own), closing(other):
            compare(own, other)


def open_place(folder: Path, stack: ExitStack) -> SparkPlace | ClickHousePlace:
    if ENGINE != "clickhouse":
        return SparkPlace(os.environ.get("SPARK_URL") or start_spark(stack))
    (folder / "chdb").mkdir()
    return ClickHousePlace(folder / "chdb")


def make_customers(folder: Path) -> Path:
    """Copies of the demo's customers with ids of their own and amounts that differ, as one Parquet file."""
    demo, tables = folder / "demo.duckdb", folder / "tables"
    tables.mkdir(exist_ok=True)
    file = tables / "customer_features_view.parquet"
    generate(demo, customers=min(ORIGINALS, CUSTOMERS), overwrite=True)
    copies = -(-CUSTOMERS // ORIGINALS)
    with duckdb.connect(str(demo), read_only=True) as connection:
        connection.execute(f"""
            COPY (
                SELECT v.* REPLACE (
                    customer_id || '-' || copy AS customer_id, total_revenue * (1 + copy / 997.0) AS total_revenue
                )
                FROM customer_features_view AS v CROSS JOIN range({copies}) AS c(copy) LIMIT {CUSTOMERS}
            ) TO '{file}' (ROW_GROUP_SIZE 250000)""")
    return file


def start_spark(stack: ExitStack) -> str:
    server = SparkServer(memory="2g", compiles=True)
    server.start()
    stack.callback(server.stop)
    return server.url


def open_warehouse(url: str, folder: Path) -> Warehouse:
    settings = Settings(
        dwh_url=url,
        dwh_statement_timeout_seconds=3_600,
        models_dir=folder,
        predictions_file=folder / "customer_predictions.parquet",
    )
    return Warehouse(settings)


def compare(own: Warehouse, other: Warehouse) -> None:
    print(f"{'':<34}{'DuckDB':>11}{ENGINE.title():>11}{'ratio':>9}")
    one_customer(other)
    for name, question in QUESTIONS.items():
        here, there = seconds(question, own), seconds(question, other)
        print(f"{name:<34}{here:>9.2f} s{there:>9.2f} s{there / here:>9.1f}", flush=True)


def seconds(question: Callable[[Warehouse], Any], warehouse: Warehouse) -> float:
    clock = time.process_time if ENGINE == "clickhouse" else time.perf_counter
    started = clock()
    question(warehouse)
    return clock() - started


def everyone(warehouse: Warehouse) -> ScopedBase:
    return ScopedBase(warehouse, SegmentationEngine(warehouse), Scope())


def catalog(warehouse: Warehouse) -> Any:
    return read_catalog(warehouse.rows, warehouse.features, warehouse.dialect)


def one_customer(warehouse: Warehouse) -> Any:
    view = warehouse.features
    (row,) = warehouse.rows(sa.select(view.c.customer_id).limit(1))
    return FeatureStore(warehouse).get(row["customer_id"])


def stream(warehouse: Warehouse) -> int:
    view = warehouse.features
    select = sa.select(view.c.customer_id, view.c.total_revenue, view.c.signup_date, view.c.country)
    return sum(batch.num_rows for batch in warehouse.stream_arrow(select))


def score(warehouse: Warehouse) -> Any:
    contract = FeatureContract(tuple(InputFeature(name, "number", 0.0) for name in DEFAULT_FEATURE_MAPPING))
    score_base(warehouse, MockModels(dict.fromkeys(contract.names, "number")))
    warehouse.forget()


QUESTIONS: dict[str, Callable[[Warehouse], Any]] = {
    "catalog": catalog,
    "one customer": one_customer,
    "size of a rule": lambda one: SegmentationEngine(one).select(RULE).size(),
    "all figures of the editor": lambda one: SegmentationEngine(one).select(RULE).preview(),
    "a page of members": lambda one: SegmentationEngine(one).select(RULE).members(50),
    "profile": lambda one: SegmentationEngine(one).profile(RULE),
    "histogram": lambda one: histogram(one, "total_revenue"),
    "RFM cut points": compute_cut_points,
    "four columns of all as Arrow": stream,
    "a scoring run": score,
    "Overview": read_outlook,
    "RFM": lambda one: read_rfm(everyone(one)),
    "Churn": lambda one: read_curve(everyone(one), "total_revenue"),
}


if __name__ == "__main__":
    main()
