"""What access control costs a request: `python -m benchmarks.access_control`.

A warm churn prediction is requested in this process, through the whole API: with access control replaced by nothing,
which is done here alone, without sign-in, and by API key. All are measured in every round, in processor time; ratios
are medians over the rounds, with their quartiles. What a web server and a network add is no part of it, so the share
of a whole request is smaller.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from starlette.routing import Mount
from starlette.types import ASGIApp, Message

from benchmarks.http_api import CHURN, prepare
from loyalty_core.access import Viewer, process_acts_as, terminal_viewer
from loyalty_core.api import Instrumentation, create_api
from loyalty_core.services import services_of_process
from loyalty_core.telemetry.logs import configure_logging
from tests.workbench import API

ROUNDS = 61
REQUESTS = 50


@dataclass(frozen=True)
class Candidate:
    """A request, and what of access control is replaced while it is answered."""

    name: str
    replaced: Any
    key: str = ""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings, customer_id = prepare(folder)
        settings |= {"STATE_DATABASE_URL": f"sqlite:///{folder / 'state.db'}"}
        os.environ.update(settings | {"SIGN_IN": "proxy", "TRUSTED_PROXIES": "192.0.2.1"})
        configure_logging("console", "INFO", StringIO())
        services_of_process().prepare_store()
        show(asyncio.run(compare(candidates(), f'{{"customer_id": "{customer_id}"}}'.encode())))


def candidates() -> list[Candidate]:
    keys = services_of_process().api_keys
    with process_acts_as(terminal_viewer()):
        admin, viewer = (keys.create(role, [role]).secret for role in ("admin", "viewer"))
    return [
        Candidate("without access control", no_access_control),
        Candidate("without sign-in, as the local user", no_sign_in),
        Candidate("an API key that sees everything", nullcontext, admin),
        Candidate("an API key that sees masked values", nullcontext, viewer),
    ]


@contextmanager
def no_access_control() -> Iterator[None]:
    """Nobody is identified, nothing is checked, and the services are those for every customer and value."""
    somebody = Viewer("somebody", frozenset({"admin"}))

    async def pass_on(middleware: Any, *call: Any) -> None:
        await middleware._app(*call)

    with ExitStack() as replaced:
        replaced.enter_context(patch("loyalty_core.api.identity.Identify.__call__", pass_on))
        replaced.enter_context(patch("loyalty_core.api.prediction_shortcut.require", lambda _: somebody))
        replaced.enter_context(patch("loyalty_core.api.predictions.get_services", services_of_process))
        yield


@contextmanager
def no_sign_in() -> Iterator[None]:
    """Access control with SIGN_IN=off."""
    settings = services_of_process().settings.model_copy(update={"sign_in": "off"})
    with patch("loyalty_core.api.identity.services_of_process", lambda: SimpleNamespace(settings=settings)):
        yield


async def compare(compared: list[Candidate], body: bytes) -> dict[str, list[float]]:
    """Processor seconds for one request of each candidate, round by round."""
    app = Instrumentation(Mount(API, app=create_api()), api_root=API)
    seconds: dict[str, list[float]] = {candidate.name: [] for candidate in compared}
    for number in range(-1, ROUNDS):  # the first one is not counted
        for candidate in compared if number % 2 else reversed(compared):
            with candidate.replaced():
                taken = await seconds_of(app, body, candidate.key)
            seconds[candidate.name] += [taken] if number >= 0 else []
    return seconds


async def seconds_of(app: ASGIApp, body: bytes, key: str) -> float:
    await request(app, body, key)  # after which everything is in memory
    started = time.thread_time()
    for _ in range(REQUESTS):
        await request(app, body, key)
    return (time.thread_time() - started) / REQUESTS


async def request(app: ASGIApp, body: bytes, key: str) -> None:
    """One request; raises `ValueError` unless it is answered with 200."""
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    headers += [(b"authorization", f"Bearer {key}".encode())] if key else []
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    scope = {"type": "http", "method": "POST", "path": CHURN, "query_string": b"", "headers": headers}
    await app({**scope, "client": ("127.0.0.1", 40_000), "root_path": ""}, receive, send)
    if statuses != [200]:
        raise ValueError(f"Answered with {statuses}")


def show(seconds: dict[str, list[float]]) -> None:
    """Print a table; the first line is the baseline."""
    baseline = next(iter(seconds.values()))
    for name, found in seconds.items():
        low, ratio, high = statistics.quantiles((a / b for a, b in zip(found, baseline, strict=True)), n=4)
        added = statistics.median(a - b for a, b in zip(found, baseline, strict=True))
        median = 1e6 * statistics.median(found)
        print(f"  {name:<36} {median:>6.0f} µs  {1e6 * added:>+5.0f} µs  {ratio:.3f} × ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
