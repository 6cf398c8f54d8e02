"""Workers as they run: side by side, as a process of their own, and through an outage of the warehouse."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from loyalty_core.errors import WarehouseUnavailable
from loyalty_core.events import DeadLetters, EventHistory, Intake, read_backlog
from loyalty_core.events.command import main
from loyalty_core.events.running import EventThreads, new_worker
from loyalty_core.services import get_services
from loyalty_core.store.events import EventTraceRecord
from tests.events.applying import Counting, accept, an_event, applied, worker_of
from tests.waiting import wait_until
from tests.workbench import GUIDE_CUSTOMER, ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.store import StateStore
    from tests.workbench import Configure

pytestmark = pytest.mark.extended


def test_workers_side_by_side_apply_each_event_once(store: StateStore):
    many = [an_event(f"{customer}-{number}", str(customer)) for customer in range(30) for number in range(4)]
    accept(store, *many)
    stop = threading.Event()
    workers = [threading.Thread(target=worker_of(store, Counting(), batch_size=7).run, args=(stop,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    wait_until(lambda: read_backlog(store).waiting == 0)
    stop.set()
    for worker in workers:
        worker.join()
    assert Counter(applied(store)) == {event.event_id: 1 for event in many}


def login(event_id: str, customer_id: str = GUIDE_CUSTOMER) -> str:
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    event = {"event_id": event_id, "type": "customer.login", "customer_id": customer_id, "occurred_at": at}
    return json.dumps(event)


def test_an_outage_of_the_warehouse_sends_nothing_to_the_dead_letters(
    demo_settings: Configure, demo_warehouse: Path, tmp_path: Path
):
    later = tmp_path / "later.duckdb"
    demo_settings(dwh_url=f"duckdb:///{later}", ml_mock_mode=True, events_max_attempts=1)
    services = get_services()
    accept(services.store, an_event("1", GUIDE_CUSTOMER), an_event("2", "unknown to the warehouse"))
    worker = new_worker(services)
    for _ in range(2):
        with pytest.raises(WarehouseUnavailable):
            worker.apply_all()
    later.symlink_to(demo_warehouse)
    assert worker.apply_all() == 2
    assert {event.status for event in EventHistory(services.store).list()} == {"done"}
    assert DeadLetters(services.store, Intake.of(services.store, services.settings), UTC).list() == []


def test_threads_apply_what_comes_and_stop_when_asked(demo_settings: Configure):
    demo_settings(ml_mock_mode=True)
    services = get_services()
    threads = EventThreads(services)
    threads.start()
    accept(services.store, an_event("1", GUIDE_CUSTOMER))
    wait_until(lambda: EventHistory(services.store).get(1).status == "done")
    assert threads.are_alive
    threads.stop()
    assert not threads.are_alive


def test_a_file_is_accepted_and_applied_once(
    demo_settings: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    demo_settings(ml_mock_mode=True)
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join([login("1"), "", "{broken", login("2"), login("1")]))
    arguments = ["--file", str(file), "--until-done"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "2 accepted, 1 accepted before, 1 unreadable.\n2 applied.\n"
    assert main(arguments) == 0
    assert capsys.readouterr().out == "0 accepted, 3 accepted before, 1 unreadable.\n0 applied.\n"
    assert main(["--status"]) == 0
    shown = capsys.readouterr().out
    assert shown == "Waiting events  0, of which 0 failed before\nDead letters    1 open\n"
    with get_services().store.session(read_only=True) as session:
        assert sorted(session.scalars(select(EventTraceRecord.event))) == [1, 2]


def test_a_file_that_is_not_there_is_named(demo_settings: Configure, capsys: pytest.CaptureFixture[str]):
    assert main(["--file", "none.jsonl"]) == 1
    assert capsys.readouterr().err == "none.jsonl cannot be read. No such file or directory.\n"


def test_a_process_of_its_own_applies_events_and_ends_when_asked(
    demo_settings: Configure, demo_warehouse: Path, tmp_path: Path
):
    environment = {
        **clean_environment(),
        "PYTHONPATH": str(ROOT),
        "DWH_URL": f"duckdb:///{demo_warehouse}",
        "STATE_DATABASE_URL": f"sqlite:///{tmp_path}/state.db",
        "ML_MOCK_MODE": "true",
    }
    demo_settings(state_database_url=environment["STATE_DATABASE_URL"])
    store = get_services().store
    accept(store, an_event("1", GUIDE_CUSTOMER))
    command = [sys.executable, "-m", "loyalty_core.events"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        try:
            wait_until(lambda: EventHistory(store).get(1).status == "done")
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_old_events_are_removed_once_they_are_done(store: StateStore):
    accept(store, an_event("done"))
    worker_of(store, Counting()).apply_all()
    accept(store, an_event("waiting"))
    history = EventHistory(store)
    history.forget_old(1)
    assert len(history.list()) == 2
    history.forget_old(-1)
    assert [event.event_id for event in history.list()] == ["waiting"]
