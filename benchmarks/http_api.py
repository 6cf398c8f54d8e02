"""Requests a second for one customer's churn, against a bare route: `python -m benchmarks.http_api`.

The server is the one of production on a demo warehouse, with tiny models and cached features. The bare route is a plain
one of the same server that answers the same bytes, within Streamlit's middleware. The API is mounted beside that, so
the same bytes are answered there too, before any routing. A second server requires an API key. Every route is measured
in every round; ratios are medians over the rounds, with their quartiles.

On a machine that does other things meanwhile, rates vary by a factor of three. The server's processor time for a
request varies less: its ratio is printed last, as the rate that the server would reach if it had a processor to itself.
"""

import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

import duckdb
import httpx
import psutil

from benchmarks.browsing import wait_until_healthy
from loyalty_core.access import process_acts_as, terminal_viewer
from loyalty_core.demo.generate import generate
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.services import Services
from loyalty_core.settings import Settings
from tests.ml.fixtures import bundle_parts
from tests.servers import ServerProcess, free_port
from tests.workbench import API, ROOT, clean_environment

CONNECTIONS = (1, 8, 32)
ROUNDS = 7
SECONDS = 1.0
CHURN = f"{API}/dwh/ml/churn/"


@dataclass(frozen=True)
class Target:
    """One request that is sent again and again."""

    name: str
    port: int
    method: str
    path: str
    server: psutil.Process
    body: bytes = b""
    key: str = ""

    @property
    def request(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"Authorization: Bearer {self.key}"] if self.key else []
        lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"] if self.body else []
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Load:
    """Answers a second, the seconds that each took, and the processor time that the server took for one."""

    rate: float
    seconds: list[float]
    processor_seconds: float


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        folder = Path(name)
        settings, customer_id = prepare(folder)
        body = f'{{"customer_id": "{customer_id}"}}'.encode()
        port, server = servers.enter_context(served(folder / "open", settings))
        protected = settings | {"SIGN_IN": "proxy", "TRUSTED_PROXIES": "192.0.2.1"}  # which sends nothing here
        key = create_key(folder / "protected", protected)
        protected_port, protected_server = servers.enter_context(served(folder / "protected", protected))
        targets = [
            Target("a bare route", port, "POST", "/bare", server, body),
            Target("the same, beside the API", port, "POST", "/bare-beside", server, body),
            Target("health/live/", port, "GET", f"{API}/health/live/", server),
            Target("dwh/ml/churn/", port, "POST", CHURN, server, body),
            Target("dwh/ml/churn/ with an API key", protected_port, "POST", CHURN, protected_server, body, key),
        ]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            answer = client.post(CHURN, json={"customer_id": customer_id}).raise_for_status().content
            client.put("/bare", content=answer).raise_for_status()
        for connections in CONNECTIONS:
            show(connections, compare(targets, connections))


def prepare(folder: Path) -> tuple[dict[str, str], str]:
    """A warehouse and models in the folder; returns the settings for them and a customer."""
    warehouse, models = folder / "warehouse.duckdb", folder / "models"
    generate(warehouse, customers=2_000)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute("SELECT customer_id FROM customer_features_view LIMIT 1").fetchall()
    activate(models, write_bundle(models, bundle_parts()), by="benchmark")
    return {"DWH_URL": f"duckdb:///{warehouse}", "MODELS_DIR": str(models)}, found[0][0]


def create_key(folder: Path, settings: Mapping[str, str]) -> str:
    """An API key that may look, in the state store of the server that runs in the folder."""
    folder.mkdir()
    services = Services(Settings(**{name.lower(): value for name, value in {**settings, **state_of(folder)}.items()}))
    services.prepare_store()
    with process_acts_as(terminal_viewer()):
        return services.api_keys.create("benchmark", ["viewer"]).secret


def state_of(folder: Path) -> dict[str, str]:
    return {"STATE_DATABASE_URL": f"sqlite:///{folder / 'state.db'}"}


@contextmanager
def served(folder: Path, settings: Mapping[str, str]) -> Iterator[tuple[int, psutil.Process]]:
    """The app and a bare route on a free port, once it answers, and its process."""
    port = free_port()
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    process = ServerProcess(
        [sys.executable, str(ROOT / "benchmarks" / "with_bare_route.py"), str(port)],
        folder=folder,
        stop_signal=signal.SIGTERM,
        env={**clean_environment(), **state_of(folder), **settings},
    )
    try:
        wait_until_healthy(port)
        yield port, psutil.Process(process.pid)
    finally:
        process.stop()


def compare(targets: list[Target], connections: int) -> dict[str, list[Load]]:
    """The loads of each target, round by round."""
    for target in targets:
        load(target, connections)
    loads: dict[str, list[Load]] = {target.name: [] for target in targets}
    for number in range(ROUNDS):
        for target in targets if number % 2 else reversed(targets):
            loads[target.name].append(load(target, connections))
    return loads


def load(target: Target, connections: int) -> Load:
    """Send the request on so many connections for a second, on each as soon as its last answer is complete."""
    request, seconds = target.request, list[float]()
    with DefaultSelector() as selector, ExitStack() as sockets:
        for _ in range(connections):
            connection = sockets.enter_context(socket.create_connection(("127.0.0.1", target.port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, EVENT_READ, Exchange(connection, request))
        started, before = time.perf_counter(), target.server.cpu_times()
        while time.perf_counter() - started < SECONDS or not seconds:
            for ready, _ in selector.select():
                exchange: Exchange = ready.data
                if exchange.receive():
                    seconds.append(time.perf_counter() - exchange.started)
                    exchange.send()
        after = target.server.cpu_times()
        processor_seconds = (after.user + after.system - before.user - before.system) / len(seconds)
        return Load(len(seconds) / (time.perf_counter() - started), seconds, processor_seconds)


class Exchange:
    """One request and its answer on a connection that stays open."""

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        self._connection = connection
        self._request = request
        self.send()

    def send(self) -> None:
        self._received = b""
        self.started = time.perf_counter()
        self._connection.sendall(self._request)

    def receive(self) -> bool:
        """Read what has arrived; whether the answer is complete. Raises `ValueError` unless it is a 200."""
        part = self._connection.recv(65_536)
        self._received += part
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not part or (end and not head.startswith(b"HTTP/1.1 200")):
            raise ValueError(f"Not an answer: {self._received[:300]!r}")
        return bool(end) and len(body) == int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def show(connections: int, loads: Mapping[str, list[Load]]) -> None:
    """Print a table; the first line is the baseline."""
    print(f"\nRequests a second on {connections} keep-alive connection{'s' * (connections > 1)}")
    baseline = next(iter(loads.values()))
    for name, found in loads.items():
        rate = statistics.median(one.rate for one in found)
        pairs = list(zip(found, baseline, strict=True))
        low, ratio, high = statistics.quantiles((one.rate / base.rate for one, base in pairs), n=4)
        by_processor = statistics.median(base.processor_seconds / one.processor_seconds for one, base in pairs)
        seconds = sorted(second for one in found for second in one.seconds)
        p50, p99 = (1000 * seconds[int(share * (len(seconds) - 1))] for share in (0.5, 0.99))
        spread = f"{ratio:>6.2f} × ({low:.2f} to {high:.2f})   by processor time {by_processor:.2f} ×"
        print(f"  {name:<32} {rate:>7,.0f}/s   p50 {p50:>7.2f} ms   p99 {p99:>7.2f} ms {spread}")


if __name__ == "__main__":
    main()
