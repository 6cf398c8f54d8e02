"""Clients of a served app, each of which repeats its work until it is stopped, and counts what came back."""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from json import dumps, loads
from typing import TYPE_CHECKING, Any

import websockets.sync.client
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from loyalty_core.store import StateStore
from loyalty_core.ui.navigation import SCREENS, SEGMENTS
from tests.waiting import PATIENCE_SECONDS
from tests.workbench import API

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.workbench import Served

# What a client may see under load: success, conflicts of concurrent edits, and "try again".
EXPECTED = frozenset({200, 201, 202, 204, 404, 409, 429, 503})


class Load:
    """Threads that work against one app until `stop`; `answers` counts them by client and status."""

    def __init__(self, app: Served, customer_ids: Sequence[str]) -> None:
        self.app = app
        self.customer_ids = customer_ids
        self.answers = Counter[tuple[str, int]]()
        self.failures: list[str] = []
        self.unavailable: list[str] = []
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, work: Callable[[Load, random.Random], None], pause: float, copies: int = 1) -> None:
        """Repeat the work in as many threads, pausing after each round."""
        for number in range(copies):
            name = f"{work.__name__}-{number}"
            thread = threading.Thread(target=self._repeat, args=(work, pause, random.Random(name)), name=name)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def send(self, client: str, method: str, path: str, body: Any = None) -> Any:
        """One request on a connection of its own; returns what JSON it brought."""
        with closing(HTTPConnection("127.0.0.1", self.app.port, timeout=PATIENCE_SECONDS)) as connection:
            headers = {"Content-Type": "application/json"}
            connection.request(method, API + path, None if body is None else dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        self.count(client, answer.status, f"{method} {path} {content[:500]!r}")
        return loads(content) if answer.headers.get_content_type() == "application/json" and content else None

    def count(self, client: str, status: int, request: str) -> None:
        self.answers[client, status] += 1
        if status == 503:
            self.unavailable.append(f"{client}: {request}")
        if status not in EXPECTED:
            self.failures.append(f"{client}: {request} → {status}")

    def _repeat(self, work: Callable[[Load, random.Random], None], pause: float, chance: random.Random) -> None:
        while not self._over.is_set():
            try:
                work(self, chance)
            except Exception as error:  # noqa: BLE001 -- reported when the load is over
                self.failures.append(f"{work.__name__}: {error!r}")
            self._over.wait(pause)


def predict(load: Load, chance: random.Random) -> None:
    kind = chance.choice(["churn", "nbo", "rfm"])
    load.send("predictions", "POST", f"/dwh/ml/{kind}/", {"customer_id": chance.choice(load.customer_ids)})


def preview(load: Load, chance: random.Random) -> None:
    load.send("previews", "POST", "/segments/evaluate/", {"rule": _rule(chance)})


def save_segments(load: Load, chance: random.Random) -> None:
    """Create a segment, save a second version, compute it, read it, and delete it."""
    name = f"Load {chance.getrandbits(60):x}"
    made = load.send("segments", "POST", "/segments/", {"name": name, "rule": _rule(chance)})
    if not made or "id" not in made:
        return
    path = f"/segments/{made['id']}/"
    load.send("segments", "PUT", path, {"name": name, "rule": _rule(chance), "version": 1})
    load.send("segments", "POST", f"{path}refresh/")
    load.send("segments", "GET", f"{path}members/?limit=10")
    load.send("segments", "GET", f"{path}members/export/?format={chance.choice(['csv', 'parquet'])}")
    load.send("segments", "DELETE", path)


def export_in_background(load: Load, chance: random.Random) -> None:
    """Start an export, follow it to its end, and fetch the file; now and then cancel it instead."""
    job = load.send("jobs", "POST", "/exports/", {"format": "csv"})
    if not job or "job_id" not in job:
        return
    path = f"/exports/{job['job_id']}/"
    if chance.random() < 0.3:
        load.send("jobs", "DELETE", path)
    pause = threading.Event()
    while job and job.get("state") in {"queued", "running"}:
        pause.wait(0.5)
        job = load.send("jobs", "GET", path)
    if job and job.get("state") == "done":
        load.send("jobs", "GET", f"{path}file/")


def visit_a_screen(load: Load, chance: random.Random) -> None:
    """A session of its own, as a browser opens it: connect, run a page until it is drawn, and leave."""
    screen = chance.choice(SCREENS)
    # "edit" begins a new segment, whose rule is evaluated.
    query = "edit=1" if screen is SEGMENTS and chance.random() < 0.5 else ""
    address = f"ws://127.0.0.1:{load.app.port}/_stcore/stream"
    with websockets.sync.client.connect(
        address, subprotocols=["streamlit"], max_size=None, open_timeout=PATIENCE_SECONDS
    ) as session:
        request = BackMsg()
        request.rerun_script.query_string = query
        request.rerun_script.page_name = screen.path
        session.send(request.SerializeToString())
        load.count("screens", _drawn(session), screen.path)


def _drawn(session: websockets.sync.client.ClientConnection) -> int:
    """200 once the page is drawn, perhaps after a redirect, 500 if its script failed."""
    while True:
        message = ForwardMsg.FromString(session.recv(timeout=PATIENCE_SECONDS))
        if message.WhichOneof("type") == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return 200
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                return 500


def replace_the_warehouse(load: Load, _: random.Random) -> None:
    """A load of the same data, as its owner does it: a new file in place of the old one."""
    file = load.app.folder / "warehouse.duckdb"
    new = file.with_suffix(".new")
    shutil.copy(file, new)
    os.replace(new, file)  # noqa: PTH105 -- what the documentation says to do
    load.answers["replaced warehouses", 200] += 1


def back_up(load: Load, _: random.Random) -> None:
    """A backup of the state store under the running app."""
    file: Path = load.app.folder / "backup.db"
    file.unlink(missing_ok=True)
    with StateStore(f"sqlite:///{load.app.folder / 'state.db'}") as store:
        store.back_up(file)
    load.answers["backups", 200] += 1


def _rule(chance: random.Random) -> Any:
    """A rule that differs from most others, so that nothing cached answers it."""
    return {
        "and": [
            {">": [{"var": "total_revenue"}, chance.randrange(5_000)]},
            {"<": [{"var": "age"}, chance.randrange(20, 90)]},
        ]
    }
