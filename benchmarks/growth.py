"""How the main questions grow with the base: `python -m benchmarks.warehouse --sizes 1000000 10000000 50000000`.

Bases of the demo's customers, copied with ids and amounts of their own, in DuckDB. Each question is asked once, by a
process of its own: seconds on the clock and of processor, how many times as many for each customer as in the smallest
base, and the peak memory. DuckDB keeps what it has read for as long as there is memory, so that the peak is not what a
question needs. The first paint is that of Overview by a new app in a real browser, the catalog included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from benchmarks import scoring, screens
from benchmarks.browsing import chromium, with_empty_page
from benchmarks.engines import QUESTIONS
from benchmarks.network_in_sql import seconds_of
from loyalty_core.ml.bundles import load_bundle
from loyalty_core.ml.scoring import score_base

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loyalty_core.warehouse import Warehouse

FIRST_PAINT = "first paint of Overview"


def score(warehouse: Warehouse) -> Any:
    """With every model, by LiteRT over Arrow."""
    return score_base(warehouse, load_bundle(warehouse.settings.models_dir))


# Scoring first: others read its predictions.
ASKED: dict[str, Callable[[Warehouse], Any]] = {"scoring": score} | {
    name: QUESTIONS[name]
    for name in (
        "catalog",
        "size of a rule",
        "all figures of the editor",
        "histogram",
        "RFM cut points",
        "Overview",
        "RFM",
        "Churn",
    )
}


def growth(folder: Path, sizes: Sequence[int]) -> None:
    """Make the bases that are not in the folder, and print a table for each."""
    if not (folder / "models").exists():
        folder.mkdir(parents=True, exist_ok=True)
        scoring.train_on_demo(folder)
    smallest: dict[str, float] = {}
    for size in sizes:
        file = scoring.base_file(folder, size)
        if not file.exists():
            scoring.make_base(folder, size)
        with closing(scoring.open_base(file)) as warehouse:
            columns = len(warehouse.features.columns)
        print(f"\n{size:,} customers × {columns} columns, {file.stat().st_size / 1e9:.1f} GB", end="; ")
        print(f"load average {os.getloadavg()[0]:.1f}\n{'':<28}{'clock':>11}{'processor':>12}{'growth':>9}{'peak':>11}")
        for question in (*ASKED, FIRST_PAINT):
            found = ask(question, file)
            each = found["processor"] / size
            ratio = each / smallest.setdefault(question, each)
            print(
                f"{question:<28}{found['clock']:>9.2f} s{found['processor']:>10.2f} s{ratio:>9.2f}"
                f"{found['peak']:>8.0f} MB",
                flush=True,
            )


def ask(question: str, file: Path) -> dict[str, float]:
    """The answer of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.growth", question, str(file)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def answer(question: str, file: Path) -> dict[str, float]:
    """Seconds and peak memory of a question in this process."""
    if question == FIRST_PAINT:
        return first_paint(file)
    with closing(scoring.open_base(file, dwh_statement_timeout_seconds=3_600)) as warehouse:
        _ = warehouse.features
        started, spent = time.perf_counter(), time.process_time()
        ASKED[question](warehouse)
        clock, processor = time.perf_counter() - started, time.process_time() - spent
    return {"clock": clock, "processor": processor, "peak": scoring.peak_megabytes()}


def first_paint(file: Path) -> dict[str, float]:
    """Of the app, as it is installed."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "DWH_URL": f"duckdb:///{file}",
            "STATE_DATABASE_URL": f"sqlite:///{folder}/state.db",
            "MODELS_DIR": str(file.parent.parent / "models"),
            "ML_TRAINED_ELSEWHERE": "true",
        }
        with with_empty_page(settings) as server, sync_playwright() as playwright:
            browser = chromium(playwright)
            screens.measure(browser, server.port, screens.EMPTY)  # what any first visit has to load
            spent = seconds_of(server.pid)
            clock = screens.measure(browser, server.port, "overview")
            processor = seconds_of(server.pid) - spent
            peak = scoring.peak_megabytes(server.pid)
            browser.close()
    return {"clock": clock, "processor": processor, "peak": peak}


if __name__ == "__main__":
    print(json.dumps(answer(sys.argv[1], Path(sys.argv[2]))))
