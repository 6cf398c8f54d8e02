"""First paint of every screen with a million customers, in a real browser: `python -m benchmarks.screens [customers]`.

From the address to a finished screen, against an empty page in the same frame: once with nothing read before, again by
browsers that have never been here, when what a screen reads has been cached, and by a click in the sidebar of a window
that has drawn every screen before. An empty page with one chart shows how much of it is the library of the charts.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.browsing import chromium, seconds_of_click, with_empty_page
from benchmarks.editor import RULE
from loyalty_core.demo.generate import generate
from loyalty_core.ml.scoring import command as scoring_command
from loyalty_core.settings import get_settings
from loyalty_core.ui import navigation
from loyalty_core.ui.segments.address import encode_rule

CUSTOMERS = 1_000_000
WINDOWS = 5
EMPTY = "empty"
CHART = "chart"
SCREENS = {
    "Empty page": EMPTY,
    "Empty page with one chart": CHART,
    "Overview": "overview",
    "Overview, plain": "overview?plain=true",
    "Segments": "segments",
    "Segment editor": f"segments?edit=1&rule={encode_rule(RULE)}",
    "Churn": "churn",
    "Next best offer": "offers",
    "RFM": "rfm",
    "Customers": "customers",
    "One customer": "customers?customer_id=123e4567-e89b-12d3-a456-426614174000",
}
# What the sidebar leads to, by the name of the screen here.
TITLES = {"Empty page": "Empty", "Empty page with one chart": "Chart"} | {
    one.title: one.title for one in navigation.SCREENS if one.title in SCREENS
}
_FINISHED = """
() => document.querySelector('[data-testid=stApp] h1')
  && document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') === 'notRunning'
  && !document.querySelector('[data-testid=stSkeleton]')
  && [...document.querySelectorAll('iframe')].every(frame => frame.contentDocument?.querySelector('.card'))
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
            first = {screen: measure(browser, server.port, address) for screen, address in SCREENS.items()}
            rounds = [
                {screen: measure(browser, server.port, address) for screen, address in SCREENS.items()}
                for _ in range(WINDOWS)  # one after the other, since other programs use the machine as well
            ]
            again = {screen: statistics.median(times[screen] for times in rounds) for screen in SCREENS}
            clicked = measure_clicks(browser, server.port)
            browser.close()
    print(f"\nSeconds to a finished screen, {customers:,} customers, load average {os.getloadavg()[0]:.1f}")
    for screen in first:
        times = {"first": first, "again": again, "click": clicked}
        print(f"  {screen:<26}" + "".join(_against_the_empty_page(name, times[name], screen) for name in times))


def _against_the_empty_page(name: str, seconds: dict[str, float], screen: str) -> str:
    if screen not in seconds:
        return ""
    return f"  {name} {seconds[screen]:>6.2f} s {seconds[screen] / seconds['Empty page']:>6.2f} ×"


def measure(browser: Browser, port: int, address: str) -> float:
    """Seconds until a screen is painted, in a new window."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)
    started = time.perf_counter()
    page.goto(f"http://127.0.0.1:{port}/{address}")
    page.wait_for_function(_FINISHED)
    seconds = time.perf_counter() - started
    context.close()
    return seconds


def measure_clicks(browser: Browser, port: int) -> dict[str, float]:
    """Seconds from a click in the sidebar to the finished screen, by screen."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(f"http://127.0.0.1:{port}/{EMPTY}")
    page.wait_for_function(_FINISHED)
    rounds = [{screen: seconds_of_click(page, title) for screen, title in TITLES.items()} for _ in range(WINDOWS + 1)]
    return {screen: statistics.median(times[screen] for times in rounds[1:]) for screen in TITLES}


if __name__ == "__main__":
    main()
