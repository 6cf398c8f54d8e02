"""Clicking through the screens while a training runs: `python -m benchmarks.training_load [customers] [rounds]`.

A real browser goes from screen to screen by the sidebar, in turn without and with a training under way on the same
machine; the baseline is without. Both are measured in every round, since others may use the machine as well.
"""

import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.browsing import chromium, seconds_of_click, served
from loyalty_core.demo.generate import generate
from loyalty_core.jobs import JobQueue
from loyalty_core.ml.scoring import command as scoring_command
from loyalty_core.settings import get_settings
from loyalty_core.store import StateStore

CUSTOMERS = 20_000
ROUNDS = 6
LAPS = 2
SCREENS = ("Overview", "Segments", "Customers", "Churn", "Next best offer", "RFM", "Training")
WITHOUT, WITH = "without", "with"
ENDLESS = {"epochs": 10_000, "patience": 10_000}
TRAINING_SECONDS = 600
Times = dict[tuple[str, str], list[float]]


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else CUSTOMERS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with tempfile.TemporaryDirectory(prefix="benchmark-training-") as name:
        folder = Path(name)
        warehouse = folder / "warehouse.duckdb"
        generate(warehouse, customers=customers)
        settings = {
            "DWH_URL": f"duckdb:///{warehouse}",
            "STATE_DATABASE_URL": f"sqlite:///{folder / 'state.db'}",
            "PREDICTIONS_FILE": str(folder / "customer_predictions.parquet"),
            "MODELS_DIR": str(folder / "models"),
            "ML_MOCK_MODE": "true",
        }
        os.environ.update(settings)
        get_settings.cache_clear()
        with StateStore(settings["STATE_DATABASE_URL"]) as store:
            store.migrate()
            scoring_command.main([])
            with served(["run", "serve.py"], settings) as port, sync_playwright() as playwright:
                browser = chromium(playwright)
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(120_000)
                times = measure(page, f"http://127.0.0.1:{port}/", JobQueue(store), rounds)
                browser.close()
    show(times, customers)


def measure(page: Page, address: str, jobs: JobQueue, rounds: int) -> Times:
    """Seconds of every click, by screen and by whether a training was running."""
    times: Times = defaultdict(list)
    page.goto(address)
    page.get_by_test_id("stSidebarNavLink").first.wait_for()
    walk(page, defaultdict(list), WITHOUT)  # what a first visit has to load
    for _ in range(rounds):
        walk(page, times, WITHOUT)
        with training(jobs):
            walk(page, times, WITH)
    return times


def walk(page: Page, times: Times, state: str) -> None:
    for _ in range(LAPS):
        for screen in SCREENS:
            times[state, screen].append(seconds_of_click(page, screen))
            page.wait_for_timeout(200)


@contextmanager
def training(jobs: JobQueue) -> Iterator[None]:
    """Run a training during the block, which starts after its first epoch."""
    job = jobs.start("training", ENDLESS, "benchmark")
    deadline = time.monotonic() + TRAINING_SECONDS
    while not jobs.events(job.id):
        if time.monotonic() > deadline or not jobs.get(job.id).is_under_way:
            raise TimeoutError(f"The training did not begin: {jobs.get(job.id).log_tail}")
        time.sleep(0.2)
    yield
    if not jobs.get(job.id).is_under_way:
        raise RuntimeError(f"The training ended before the clicks did: {jobs.get(job.id).log_tail}")
    jobs.cancel(job.id, "benchmark")
    while jobs.get(job.id).is_under_way:
        time.sleep(0.2)


def show(times: Times, customers: int) -> None:
    print(f"\nFrom a click to the finished screen, {customers:,} customers, {os.cpu_count()} cores")
    print(f"  {'':<18}{'without training':>20}{'with training':>20}{'ratio':>18}")
    print(f"  {'':<18}{'p50':>10}{'p95':>10}{'p50':>10}{'p95':>10}{'p50':>9}{'p95':>9}")
    for title, screens in {**{screen: (screen,) for screen in SCREENS}, "All screens": SCREENS}.items():
        alone, beside = (
            [seconds for screen in screens for seconds in times[state, screen]] for state in (WITHOUT, WITH)
        )
        figures = statistics.median(alone), p95(alone), statistics.median(beside), p95(beside)
        ratios = figures[2] / figures[0], figures[3] / figures[1]
        print(f"  {title:<18}" + "".join([f"{one:>8.2f} s" for one in figures] + [f"{one:>7.2f} ×" for one in ratios]))


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


if __name__ == "__main__":
    main()
