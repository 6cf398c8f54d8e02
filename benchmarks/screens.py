"""First paint of every screen with a million customers, in a real browser: `python -m benchmarks.screens [customers]`.

From the address to a finished screen, against an empty page in the same frame: once with nothing read before, and
again in new windows, when what a screen reads has been cached. The baseline is the empty page in new windows.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.browsing import chromium, with_empty_page
from loyalty_core.demo.generate import generate
from loyalty_core.ml.scoring import command as scoring_command
from loyalty_core.settings import get_settings

CUSTOMERS = 1_000_000
WINDOWS = 5
EMPTY = "empty"
SCREENS = ("overview?plain=true", "overview", "segments", "churn", "offers", "rfm", "customers")
_FINISHED = """
() => document.querySelector('[data-testid=stApp] h1')
  && document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') === 'notRunning'
  && !document.querySelector('[data-testid=stSkeleton]')
"""


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else CUSTOMERS
    with tempfile.TemporaryDirectory(prefix="benchmark-screens-") as name:
        folder = Path(name)
        warehouse = Path(os.environ.get("BENCHMARK_WAREHOUSE", folder / "warehouse.duckdb"))
        if not warehouse.exists():
            generate(warehouse, customers=customers)
        settings = {
            "DWH_URL": f"duckdb:///{warehouse}",
            "STATE_DATABASE_URL": f"sqlite:///{folder / 'state.db'}",
            "PREDICTIONS_FILE": str(folder / "customer_predictions.parquet"),
            "ML_MOCK_MODE": "true",
        }
        os.environ.update(settings)
        get_settings.cache_clear()
        scoring_command.main([])
        with with_empty_page(settings) as server, sync_playwright() as playwright:
            browser = chromium(playwright)
            measure(browser, server.port, EMPTY)  # what any first visit has to load
            first = {screen: measure(browser, server.port, screen) for screen in (EMPTY, *SCREENS)}
            again = {
                screen: statistics.median(measure(browser, server.port, screen) for _ in range(WINDOWS))
                for screen in first
            }
            browser.close()
    print(f"\nFirst paint, {customers:,} customers")
    for screen, seconds in first.items():
        print(
            f"  {screen:<22} first {seconds:>6.2f} s {seconds / again[EMPTY]:>6.2f} ×   "
            f"again {again[screen]:>6.2f} s {again[screen] / again[EMPTY]:>6.2f} ×"
        )


def measure(browser: Browser, port: int, screen: str) -> float:
    """Seconds until the screen is painted, in a new window."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)
    started = time.perf_counter()
    page.goto(f"http://127.0.0.1:{port}/{screen}")
    page.wait_for_function(_FINISHED)
    seconds = time.perf_counter() - started
    context.close()
    return seconds


if __name__ == "__main__":
    main()
