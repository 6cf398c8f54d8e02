import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from loyalty_core.store import StateStore
from loyalty_core.store.audit import AuditEvent

pytestmark = pytest.mark.extended

PROCESSES, THREADS, EVENTS = 4, 3, 25

# Each writer reads first, which is what makes a careless SQLite set-up fail with "database is locked".
WRITER = """
import sys, threading
from loyalty_core.store import StateStore, audit

url, process, threads, events = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
failed = []

def write(store, thread):
    try:
        for number in range(events):
            with store.session() as session:
                audit.recent(session, 1)
                subject = f"{process}-{thread}-{number}"
                audit.record(session, actor="a", action="b", subject_kind="c", subject_id=subject)
    except Exception as error:
        failed.append(error)

with StateStore(url) as store:
    writers = [threading.Thread(target=write, args=(store, thread)) for thread in range(threads)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
sys.exit(str(failed) if failed else 0)
"""


def test_no_event_is_lost_when_many_processes_and_threads_write_at_once(store: StateStore):
    url = store.url.render_as_string(hide_password=False)
    root = Path(__file__).parents[2]
    writers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WRITER, url, str(process), str(THREADS), str(EVENTS)],
            cwd=root,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(PROCESSES)
    ]
    assert [writer.communicate()[1] for writer in writers] == [""] * PROCESSES
    with store.session(read_only=True) as session:
        written = session.scalars(select(AuditEvent.subject_id)).all()
    assert sorted(written) == sorted(
        f"{process}-{thread}-{number}"
        for process in range(PROCESSES)
        for thread in range(THREADS)
        for number in range(EVENTS)
    )
