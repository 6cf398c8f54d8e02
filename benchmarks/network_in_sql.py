"""Scoring inside the warehouse, against LiteRT over Arrow: `python -m benchmarks.network_in_sql FOLDER`.

FOLDER has the models, those of a training by default; `--models` chooses some of them. Whole scoring runs of customers
who are made up for the features of the version: read, computed, written. DuckDB is measured in the processor time of
this process. With SPARK_URL, the same runs on a Thrift server of this machine that can read its files, in the processor
time of both processes; SPARK_PID is that of the server.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from loyalty_core.ml.bundles import load_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.dialects.duckdb import DuckDB
from tests.engines.spark import SparkPlace

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.ml.features import InputFeature

WARM_UP_CUSTOMERS = 20_000


class WithoutArrays(DuckDB):
    """Sums of products, as on every other database."""

    vectors = None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network_in_sql")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("models"))
    parser.add_argument("--models", nargs="*", help="names of the models to score with, all by default")
    parser.add_argument("--customers", type=int, default=50_000)
    given = parser.parse_args()
    bundle = load_bundle(given.folder)
    wanted = given.models or list(bundle.models)
    bundle = replace(bundle, models={name: model for name, model in bundle.models.items() if name in wanted})
    print(f"{given.customers:,} customers, {', '.join(bundle.models)}; load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = make_customers(folder / "tables", bundle, given.customers)
        if url := os.environ.get("SPARK_URL"):
            on_spark(url, int(os.environ["SPARK_PID"]), folder, bundle)
        else:
            on_duckdb(file, folder, bundle)


def make_customers(folder: Path, bundle: Bundle, customers: int) -> Path:
    """A column for each feature, around its median or among its categories, as one Parquet file."""
    folder.mkdir()
    file = folder / "customer_features_view.parquet"
    columns = ", ".join(_column(feature, place) for place, feature in enumerate(bundle.contract.inputs))
    duckdb.execute(f"COPY (SELECT 'c' || i AS customer_id, {columns} FROM range({customers}) AS s(i)) TO '{file}'")
    return file


def _column(feature: InputFeature, place: int) -> str:
    drawn = f"hash(i * {2 * place + 1})"
    if feature.kind == "text":
        texts = ", ".join("'" + text.replace("'", "''") + "'" for text in (*feature.categories, "other"))
        return f'[{texts}][1 + {drawn} % {len(feature.categories) + 1}] AS "{feature.name}"'
    return f'({drawn} % 2000 / 1000 * {feature.median or 1})::DOUBLE AS "{feature.name}"'


def on_duckdb(file: Path, folder: Path, bundle: Bundle) -> None:
    """With the inner products of arrays, and without."""
    local = folder / "warehouse.duckdb"
    with duckdb.connect(str(local)) as connection:
        connection.execute(f"CREATE TABLE customer_features_view AS FROM '{file}'")
    with closing(open_warehouse(f"duckdb:///{local}", folder, bundle)) as warehouse:
        runs = {"LiteRT over Arrow": False, "SQL, inner products of arrays": True, "SQL, plain arithmetic": True}
        baseline = 0.0
        for name, in_warehouse in runs.items():
            if name.endswith("arithmetic"):
                warehouse.dialect = WithoutArrays()
            baseline = show(name, warehouse, bundle, in_warehouse, time.process_time, baseline)


def on_spark(url: str, pid: int, folder: Path, bundle: Bundle) -> None:
    """A few customers first, which are not counted: the server compiles its own code as it runs."""
    make_customers(folder / "few", bundle, WARM_UP_CUSTOMERS)
    for tables in (folder / "few", folder / "tables"):
        place = SparkPlace(url)
        try:
            place.load(tables)
            with closing(open_warehouse(place.url, folder, bundle)) as warehouse:
                baseline = 0.0
                for name, in_warehouse in (("LiteRT over Arrow", False), ("SQL, plain arithmetic", True)):
                    both = lambda: time.process_time() + seconds_of(pid)  # noqa: E731
                    words = f"{name}, first runs" if tables.name == "few" else name
                    baseline = show(words, warehouse, bundle, in_warehouse, both, baseline)
        finally:
            place.drop()


def show(
    name: str, warehouse: Warehouse, bundle: Bundle, in_warehouse: bool, spent: Callable[[], float], baseline: float
) -> float:
    """Run, and print a line; returns the baseline, which is the first run's."""
    started = spent()
    customers = score_base(warehouse, bundle, in_warehouse=in_warehouse).customers
    seconds = spent() - started
    baseline = baseline or seconds
    each = 1e6 * seconds / customers
    print(f"  {name:<34} {each:>9.2f} µs a customer {seconds / baseline:>8.1f} ×", flush=True)
    warehouse.forget()
    return baseline


def open_warehouse(url: str, folder: Path, bundle: Bundle) -> Warehouse:
    """Each feature is read from the column of its name."""
    return Warehouse(
        Settings(
            dwh_url=url,
            dwh_statement_timeout_seconds=3_600,
            predictions_file=folder / "customer_predictions.parquet",
            ml_feature_mapping={name: name for name in bundle.contract.names},
            ml_model_input_size=len(bundle.contract.names),
            ml_trained_elsewhere=True,
        )
    )


def seconds_of(pid: int) -> float:
    """Processor time of another process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
