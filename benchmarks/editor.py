"""From an edit in the rule builder to the new size, in a real browser: `python -m benchmarks.editor [customers]`.

The same page runs twice on the same warehouse: as it is, and with constants in place of what the rule asks the
warehouse. The ratio is what the queries add to what Streamlit and the browser need anyway.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.browsing import chromium, served
from benchmarks.rules import var
from loyalty_core.demo.generate import generate
from loyalty_core.ui.segments.address import encode_rule

CUSTOMERS = 1_000_000
EDITS = 20
RULE = {
    "and": [
        {">": [var("total_revenue"), 500]},
        {"<=": [var("days_since_last_transaction"), 90]},
        {
            "or": [
                {"in": [var("city"), ["Oslo", "Bergen", "Trondheim"]]},
                {"==": [var("email_verified"), True]},
                {"!": {"or": [{"==": [var("customer_tier"), "Bronze"]}, {"<": [var("transaction_count"), 3]}]}},
            ]
        },
        {">=": [var("points_balance"), 100]},
        {"<": [var("churn_score"), 0.97]},
    ]
}
_NOTE_EDITS = "addEventListener('keydown', e => { if (e.key === 'Enter') window.edited = performance.now() }, true)"
# Waits for the next text of the size in the page itself, so that no round trip to this program is measured.
_NEXT_SIZE = """
() => new Promise(done => {
  const size = () => document.querySelector('[data-testid=stMetricValue]')?.innerText;
  const before = size();
  const look = () =>
    size() && size() !== before ? done(performance.now() - window.edited) : requestAnimationFrame(look);
  look();
})
"""


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else CUSTOMERS
    with tempfile.TemporaryDirectory(prefix="benchmark-editor-") as name:
        folder = Path(name)
        warehouse = Path(os.environ.get("BENCHMARK_WAREHOUSE", folder / "warehouse.duckdb"))
        if not warehouse.exists():
            generate(warehouse, customers=customers)
        scripts = {
            "constants in place of queries": "benchmarks/editor_with_constants.py",
            "the page as it is": "serve.py",
        }
        seconds = {name: measure(script, warehouse, folder) for name, script in scripts.items()}
    show(f"From an edit to the new size, {customers:,} customers, {EDITS} edits", seconds)


def measure(script: str, warehouse: Path, folder: Path) -> list[float]:
    """Milliseconds of each edit."""
    settings = {
        "DWH_URL": f"duckdb:///{warehouse}",
        "STATE_DATABASE_URL": f"sqlite:///{folder / 'state.db'}",
        "ML_MOCK_MODE": "true",
    }
    with served(["run", script], settings) as port, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://127.0.0.1:{port}/segments?edit=1&rule={encode_rule(RULE)}")
        field = page.get_by_label("Value of condition 1", exact=True)
        field.wait_for(timeout=120_000)
        page.evaluate(_NOTE_EDITS)
        found = [edit(page, 501 + number) for number in range(EDITS + 5)][5:]
        browser.close()
    return found


def edit(page: Page, value: int) -> float:
    """Type another value, and wait for the size that follows; milliseconds."""
    page.wait_for_timeout(300)
    field = page.get_by_label("Value of condition 1", exact=True)
    field.fill(str(value))
    page.evaluate(f"() => {{ window.next = ({_NEXT_SIZE})() }}")
    field.press("Enter")
    return page.evaluate("window.next")


def show(title: str, milliseconds: dict[str, list[float]]) -> None:
    print(f"\n{title}")
    baseline = statistics.median(next(iter(milliseconds.values())))
    for name, found in milliseconds.items():
        median, p95 = statistics.median(found), sorted(found)[int(0.95 * len(found))]
        print(f"  {name:<40} median {median:>7.0f} ms   p95 {p95:>7.0f} ms {median / baseline:>8.2f} ×")


if __name__ == "__main__":
    main()
