"""The whole base, read to written: `python -m benchmarks.scoring`, on the demo's customers and models trained on them.

Ours reads the warehouse, scores churn, offers and RFM and writes `customer_predictions`; RFM's cut points are
computed once for each state of the file.
The first comparison is with the sum of the two steps that nobody can leave out: fetching the same columns as
Arrow, and LiteRT on the same rows. The second is with pandas.read_sql and keras.predict, which write nothing,
score no RFM, and use plain networks of the size that is common for five inputs.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import duckdb
import numpy as np
import pandas as pd
import sqlalchemy as sa

from benchmarks.timing import compare, show
from loyalty_core.demo.generate import generate
from loyalty_core.ml.bundles import Bundle, Experiment, load_bundle
from loyalty_core.ml.features import ModelInputs
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving import Challenger, ServedModels
from loyalty_core.ml.tasks import NBO
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse

CUSTOMERS = 1_000_000
MORE_CUSTOMERS = 4_000_000
SIMULATED = 20_000
ROUNDS = 7
KERAS_CUSTOMERS = 200_000  # keras.predict takes minutes for a million; its time grows with the rows


def main() -> None:
    if len(sys.argv) > 1:
        score_alone(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train_on_demo(folder)
        for customers in (KERAS_CUSTOMERS, CUSTOMERS, MORE_CUSTOMERS):
            make_base(folder, customers)
        compare_with_bare_steps(folder)
        compare_with_keras(folder)
        for customers in (CUSTOMERS, MORE_CUSTOMERS):
            subprocess.run([sys.executable, "-m", "benchmarks.scoring", str(base_file(folder, customers))], check=True)


def train_on_demo(folder: Path) -> None:
    generate(folder / "demo.duckdb", customers=SIMULATED)
    environment = {**os.environ, "DWH_URL": f"duckdb:///{folder}/demo.duckdb", "MODELS_DIR": f"{folder}/models"}
    command = [sys.executable, "train_models_from_dwh.py", "--epochs", "5", "--promote-worse"]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def base_file(folder: Path, customers: int) -> Path:
    return folder / f"{customers}" / "warehouse.duckdb"


def make_base(folder: Path, customers: int) -> None:
    """The demo's customers repeated, each copy with its own id and amounts."""
    file = base_file(folder, customers)
    file.parent.mkdir()
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"ATTACH '{folder}/demo.duckdb' AS demo (READ_ONLY)")
        connection.execute(f"""
            CREATE TABLE customer_features_view AS
            SELECT * REPLACE (
                uuid()::VARCHAR AS customer_id,
                round(total_revenue * (0.8 + 0.4 * random()), 2) AS total_revenue,
                round(lifetime_value * (0.8 + 0.4 * random()), 2) AS lifetime_value
            )
            FROM demo.customer_features_view, range({customers // SIMULATED})
        """)


def open_base(file: Path, **more: Any) -> Warehouse:
    models_dir = file.parent.parent / "models"
    # The models learned from the demo, of which these are altered copies.
    settings = Settings(dwh_url=f"duckdb:///{file}", models_dir=models_dir, ml_trained_elsewhere=True, **more)
    return Warehouse(settings)


def needed_columns(warehouse: Warehouse) -> list[str]:
    columns = ModelInputs(warehouse, warehouse.settings).columns.values()
    return [warehouse.settings.dwh_customer_id_column, *columns]


def compare_with_bare_steps(folder: Path) -> None:
    file = base_file(folder, CUSTOMERS)
    bare_file = file.with_name("bare.duckdb")  # one process opens one path with one configuration only
    bare_file.hardlink_to(file)
    bundle = load_bundle(folder / "models")
    tested = in_two_arms(bundle)
    with closing(open_base(file)) as warehouse, duckdb.connect(str(bare_file), read_only=True) as bare:
        columns = ", ".join(f'"{name}"' for name in needed_columns(warehouse))
        scaled = scaled_rows(warehouse, bundle)

        def fetch() -> object:
            return bare.execute(f"SELECT {columns} FROM customer_features_view").to_arrow_table()

        def invoke() -> object:
            return bundle.require("churn").predict(scaled), bundle.require("nbo").predict(scaled)

        timings = compare(
            {
                "bare Arrow fetch, then bare LiteRT of both models": lambda: (fetch(), invoke()),
                "  of which the fetch": fetch,
                "  of which LiteRT": invoke,
                "score_base, read to written": lambda: score_base(warehouse, bundle),
                "score_base, RFM cut points computed anew": lambda: score_new_data(warehouse, bundle),
                "score_base, a fifth of the customers by a second version": lambda: score_base(warehouse, tested),
            },
            ROUNDS,
        )
    show(f"{CUSTOMERS:,} customers against the bare steps (target: 2 ×)", timings)


def in_two_arms(bundle: Bundle) -> ServedModels:
    """The same models under another name are as much work as others."""
    version = "20261122T140501Z-3f9a"
    now = datetime.now(UTC).isoformat()
    experiment = Experiment(bundle.version, version, "", 0.2, "00112233445566aa", now, "benchmark", now)
    return ServedModels(bundle, Challenger(replace(bundle, version=version), experiment))


def score_new_data(warehouse: Warehouse, bundle: Bundle) -> object:
    """As after a nightly load, when nothing about the file is cached."""
    (warehouse.settings.models_dir / "rfm_cut_points.json").unlink(missing_ok=True)
    return score_base(warehouse, bundle)


def scaled_rows(warehouse: Warehouse, bundle: Bundle) -> Any:
    inputs, view = ModelInputs(warehouse, warehouse.settings), warehouse.features
    select = sa.select(*(view.c[column] for column in inputs.columns.values()))
    batches = warehouse.stream_arrow(select)
    return np.concatenate(
        [bundle.scaler.transform(inputs.encode_batch(bundle.contract, batch).values) for batch in batches]
    )


def compare_with_keras(folder: Path) -> None:
    bundle = load_bundle(folder / "models")
    churn, offers = plain_network(bundle, 1, "sigmoid"), plain_network(bundle, len(bundle.offers(NBO.name)), "softmax")
    with closing(open_base(base_file(folder, KERAS_CUSTOMERS))) as warehouse:
        columns = needed_columns(warehouse)
        select = sa.select(*(warehouse.features.c[name] for name in columns))

        def naive() -> None:
            with warehouse.engine.connect() as connection:
                frame = pd.read_sql(select, connection)
            values = frame[columns[1:]].fillna(0).to_numpy(dtype=np.float32)
            scaled = (values - bundle.scaler.mean) / bundle.scaler.scale
            churn.predict(scaled, verbose=0)
            offers.predict(scaled, verbose=0)

        timings = compare(
            {"score_base": lambda: score_base(warehouse, bundle), "pandas.read_sql and keras.predict": naive}, 3
        )
    show(f"{KERAS_CUSTOMERS:,} customers against pandas and Keras (target: 5 ×)", timings)


def plain_network(bundle: Bundle, outputs: int, activation: str) -> Any:
    import keras  # noqa: PLC0415  the other comparisons do without TensorFlow

    layers = [
        keras.layers.Dense(64, "relu"),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(outputs, activation),
    ]
    return keras.Sequential([keras.Input((bundle.contract.width,)), *layers])


def score_alone(file: Path) -> None:
    """Run in a separate process, so that the peak memory is that of scoring."""
    bundle = load_bundle(file.parent.parent / "models")
    with closing(open_base(file)) as warehouse:
        _ = warehouse.features
        before = peak_megabytes()
        started = time.perf_counter()
        result = score_base(warehouse, bundle)
        seconds = time.perf_counter() - started
    rate = result.customers / seconds / 1e6
    print(
        f"{result.customers:,} customers in a process of their own: {seconds:.1f} s, {rate:.2f} million/s, "
        f"peak memory {peak_megabytes():.0f} MB, {before:.0f} MB of it before the first row"
    )


def peak_megabytes(pid: int | str = "self") -> float:
    """Of this program alone: what getrusage says on Linux includes the parent that started it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not report the peak")


if __name__ == "__main__":
    main()
