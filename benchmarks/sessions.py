"""What a click costs on every page, and how long many people wait: `python -m benchmarks.sessions [people ...]`.

Clients speak Streamlit's protocol over websockets, as a browser does. One client alone measures each page: the
processor time that the server needs to draw it again, the time until it is drawn, and the bytes sent, against an empty
page of the same app. Then so many people at once go from page to page, thinking for two to four seconds in between;
with two server processes as well, which share warehouse and state store.

The demo is prepared in a folder of its own, in mock mode; BENCHMARK_DEMO names one in which `make run` has prepared it,
with models.
"""

import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import start
from benchmarks.browsing import Server, with_empty_page
from benchmarks.editor import RULE
from benchmarks.streamlit_client import Session
from loyalty_core.ui.navigation import SCREENS
from loyalty_core.ui.segments.address import encode_rule

ROOT = Path(__file__).parents[1]
EMPTY = "empty"
PAGES = {
    "Empty page": EMPTY,
    **{screen.title: screen.path for screen in SCREENS},
    "Overview, plain": "overview?plain=true",
    "One customer": "customers?customer_id=123e4567-e89b-12d3-a456-426614174000",
    "Segment editor": f"segments?edit=1&rule={encode_rule(RULE)}",
    "Churn, customers": "churn?view=Customers",
    "Churn, groups": "churn?view=Drivers and groups",
    "Offers, arbitration": "offers?view=Arbitration",
    "Offers, one customer": "offers?view=One customer",
    "RFM, segments": "rfm?view=Segments",
    "RFM, cells": "rfm?view=Cells",
}
PEOPLE = (10, 20, 50)
ROUNDS = 3
RERUNS = 7
# Between an answer and the next click, at random: with the same pause for all, 50 people would soon click in step.
THINKING_SECONDS = (2.0, 4.0)
ARRIVING_SECONDS = 3.0
BROWSING_SECONDS = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What one rerun of a page costs."""

    processor_ms: float
    elapsed_ms: float
    kilobytes: float


def main() -> None:
    people = [int(argument) for argument in sys.argv[1:]] or PEOPLE
    with demo(), servers(1) as one:
        print(f"\nOne rerun of each page, 20,000 customers; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        show_costs(asyncio.run(costs_of_pages(one[0])))
        least, most = THINKING_SECONDS
        print(f"\nPeople at random pages, {least:.0f} to {most:.0f} s between an answer and the next click")
        for number in people:
            show_waits(f"{number} people, one process", asyncio.run(browse(one, number)))
        with servers(1) as second:
            both = [*one, *second]
            asyncio.run(costs_of_pages(second[0], rounds=0))
            show_waits(f"{people[-1]} people, two processes", asyncio.run(browse(both, people[-1])))


@contextmanager
def demo() -> Iterator[None]:
    """Work in a folder with a prepared demo."""
    with tempfile.TemporaryDirectory(prefix="benchmark-sessions-") as name:
        os.environ["PYTHONPATH"] = str(ROOT)
        if prepared := os.environ.get("BENCHMARK_DEMO"):
            os.chdir(prepared)
        else:
            shutil.copytree(ROOT / ".streamlit", Path(name) / ".streamlit")
            os.environ["ML_MOCK_MODE"] = "true"
            os.chdir(name)
        start.prepare()
        yield
        os.chdir(ROOT)


@contextmanager
def servers(number: int) -> Iterator[list[Server]]:
    """As many processes of the app with an empty page."""
    with ExitStack() as running:
        yield [running.enter_context(with_empty_page({})) for _ in range(number)]


async def costs_of_pages(server: Server, rounds: int = ROUNDS) -> dict[str, Cost]:
    """Medians over rounds, each of which draws every page several times in a row."""
    found: dict[str, list[Cost]] = {name: [] for name in PAGES}
    for number in range(rounds + 1):
        for name, address in PAGES.items():
            async with Session(server.port) as session:
                await session.visit(address)  # in the first round this reads and caches what the page shows
                if number:
                    found[name].append(await cost(session, address, server.pid))
    return {name: median(costs) for name, costs in found.items() if costs}


async def cost(session: Session, address: str, pid: int) -> Cost:
    """One rerun of the page that the session shows; a mean, since /proc counts in hundredths of a second."""
    processor, began, received = processor_seconds(pid), time.perf_counter(), session.received
    for _ in range(RERUNS):
        await session.visit(address)
    elapsed = time.perf_counter() - began
    await asyncio.sleep(0.05)  # what follows an answer, such as collecting garbage, belongs to it
    return Cost(
        (processor_seconds(pid) - processor) * 1000 / RERUNS,
        elapsed * 1000 / RERUNS,
        (session.received - received) / 1000 / RERUNS,
    )


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(one.processor_ms for one in costs),
        statistics.median(one.elapsed_ms for one in costs),
        statistics.median(one.kilobytes for one in costs),
    )


async def browse(running: Sequence[Server], people: int) -> list[float]:
    """Seconds from each click to the page; people are spread evenly over the servers and stay with theirs."""
    until = time.monotonic() + ARRIVING_SECONDS + BROWSING_SECONDS
    visitors = [visit_pages(running[number % len(running)].port, number, until) for number in range(people)]
    return [seconds for waits in await asyncio.gather(*visitors) for seconds in waits]


async def visit_pages(port: int, number: int, until: float) -> list[float]:
    """One person, whose first page is not counted: they do not all arrive at once."""
    chance = random.Random(number)
    waits: list[float] = []
    await asyncio.sleep(chance.uniform(0, ARRIVING_SECONDS))
    async with Session(port) as session:
        while True:
            began = time.monotonic()
            await session.visit(chance.choice(list(PAGES.values())))
            waits.append(time.monotonic() - began)
            if time.monotonic() > until:
                return waits[1:]
            await asyncio.sleep(chance.uniform(*THINKING_SECONDS))


def processor_seconds(pid: int) -> float:
    """Processor time of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def show_costs(costs: dict[str, Cost]) -> None:
    baseline = next(iter(costs.values()))
    for name, one in costs.items():
        processor, elapsed = one.processor_ms / baseline.processor_ms, one.elapsed_ms / baseline.elapsed_ms
        print(
            f"  {name:<22} {one.processor_ms:>6.1f} ms of processor time {processor:>6.2f} ×"
            f"   drawn in {one.elapsed_ms:>6.0f} ms {elapsed:>6.2f} ×   {one.kilobytes:>6.1f} KB sent"
        )


def show_waits(what: str, waits: Sequence[float]) -> None:
    p95 = statistics.quantiles(waits, n=20)[-1]
    print(
        f"  {what:<26} {len(waits):>4} clicks   p50 {statistics.median(waits):>6.2f} s   p95 {p95:>6.2f} s"
        f"   load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
