"""The pictures of the documentation, from the app on its demo warehouse: `make pictures`.

`python -m docs.pictures.make [NAME …] [--address http://127.0.0.1:8501]` takes all of them or those that are named,
from an app that is running, or else from one on a demo of its own, which no event has changed yet.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.browsing import chromium, served
from loyalty_core.events.effects import MESSAGE_QUEUED
from loyalty_core.ui.segments.address import encode_rule

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
PATIENCE_MS = 180_000
WIDTH, HEIGHT = 1440, 900
COLOURS = 256
LARGEST_BYTES = 150_000
FIRST_CUSTOMER = "123e4567-e89b-12d3-a456-426614174000"
RULE = {
    "and": [
        {">=": [{"var": "lifetime_value"}, 1500]},
        {">=": [{"var": "churn_probability"}, 0.3]},
        {"or": [{"in": [{"var": "country"}, ["Norway", "Sweden"]]}, {"==": [{"var": "email_verified"}, True]}]},
    ]
}


def _as_it_opens(_: Page) -> None:
    pass


def _drop_a_file(page: Page) -> None:
    cities = ("Oslo", "Malmö", "Aarhus", "Turku")
    rows = [
        f"C-{n:04},{2020 + n % 6}-03-{1 + n % 28:02},{cities[n % 4]},{n % 30},{n * 7.5:.2f},{'no' if n % 5 else 'yes'}"
        for n in range(200)
    ]
    content = "\n".join(["member_id,joined,city,orders,revenue,churned", *rows])
    file = {"name": "members.csv", "mimeType": "text/csv", "buffer": content.encode()}
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    expect(page.get_by_text("200 rows, 6 columns")).to_be_visible(timeout=PATIENCE_MS)


def _open_an_event_with_a_message(page: Page) -> None:
    """Play simulated events until one of them has queued a message, and open its trace."""
    page.get_by_role("button", name="Play simulated events").click()
    events = f"{page.url.partition('/recorder')[0]}/api/loyalty/v1/events/"
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        for event in page.request.get(f"{events}?limit=50").json()["events"]:
            trace = page.request.get(f"{events}{event['id']}/trace/")
            if trace.ok and any(step["name"] == MESSAGE_QUEUED for step in trace.json()["steps"]):
                page.goto(f"{page.url.partition('?')[0]}?event={event['id']}")
                return
        page.wait_for_timeout(2_000)
    raise TimeoutError("No simulated event has queued a message.")


@dataclass(frozen=True)
class Picture:
    """An address of the app with its parameters, and what is done there before the picture is taken."""

    path: str
    parameters: dict[str, str] | None = None
    prepare: Callable[[Page], None] = _as_it_opens
    height: int = HEIGHT

    @property
    def address(self) -> str:
        """The path and query."""
        return f"/{self.path}" + (f"?{urlencode(self.parameters)}" if self.parameters else "")


PICTURES = {
    "overview": Picture("", height=1010),
    "segment-editor": Picture("segments", {"edit": "1", "rule": encode_rule(RULE)}),
    "segment": Picture("segments", {"segment": "vip-at-risk", "tab": "Profile"}),
    "customer": Picture("customers", {"customer_id": FIRST_CUSTOMER}),
    "churn": Picture("churn", height=1200),
    "campaign-editor": Picture("campaigns", {"campaign": "win-back-customers-at-risk", "edit": "1", "step": "Limits"}),
    "campaign-results": Picture("campaigns", {"campaign": "win-back-customers-at-risk", "tab": "Results"}),
    "training": Picture("training", {"view": "Versions"}, height=1200),
    "connect": Picture("connect", prepare=_drop_a_file, height=1400),
    # Last, since the simulated events that it plays change who belongs to segments.
    "flight-recorder": Picture("recorder", prepare=_open_an_event_with_a_message, height=1200),
}


def main() -> None:
    """Take the pictures and print the size of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(PICTURES)}; without any, all")
    parser.add_argument("--address", help="of a running app on the demo warehouse; without it, one is started")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PICTURES):
        parser.error(f"There is no picture called {', '.join(sorted(unknown))}.")
    running = nullcontext(options.address) if options.address else fresh_demo()
    with running as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        for name in options.names or PICTURES:
            file = FOLDER / f"{name}.png"
            take(page, address, PICTURES[name], file)
            print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)  # noqa: T201
        browser.close()


@contextmanager
def fresh_demo() -> Iterator[str]:
    """The address of an app that was started for the first time, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="loyalty-pictures-") as name, chdir(name):
        for needed in (".streamlit", "train_models_from_dwh.py"):
            Path(needed).symlink_to(ROOT / needed)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-m", "loyalty_core.demo.prepare"], env=environment, check=True)
        with served(["run", str(ROOT / "serve.py")], {}) as port:
            yield f"http://127.0.0.1:{port}"


def take(page: Page, app: str, picture: Picture, file: Path) -> None:
    """Open the screen, wait until it is drawn, and save it with few colours; raises ValueError if it is too large."""
    page.set_viewport_size({"width": WIDTH, "height": picture.height})
    page.goto(app.rstrip("/") + picture.address)
    _wait_until_drawn(page)
    picture.prepare(page)
    _wait_until_drawn(page)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(2_000)  # charts and tables say nothing when they have been drawn
    page.mouse.move(0, 0)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, optimize=True)
    if file.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"{file.name} has {file.stat().st_size:,} bytes; at most {LARGEST_BYTES:,} are allowed")


def _wait_until_drawn(page: Page) -> None:
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stException")).to_have_count(0)


if __name__ == "__main__":
    main()
