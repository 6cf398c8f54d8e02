"""What is too old is removed while the server runs, not only when it starts."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from loyalty_core.access import process_acts_as, terminal_viewer
from loyalty_core.services import services_of_process
from loyalty_core.store import audit
from loyalty_core.work.upkeep import remove_expired, repeat

if TYPE_CHECKING:
    import pytest

    from tests.workbench import Configure


def test_events_are_removed_by_their_age(configure: Configure):
    configure(audit_days_kept=30)
    with process_acts_as(terminal_viewer()):
        services_of_process().prepare_store()
        with services_of_process().store.session() as session:
            for days in (29, 31):
                at = datetime.now(UTC) - timedelta(days=days)
                audit.record(session, action="created", subject_kind="segment", subject_id=str(days), at=at)
    remove_expired()
    with services_of_process().store.session(read_only=True) as session:
        assert [event.subject_id for event in audit.recent(session)] == ["29"]


def test_an_error_does_not_end_the_repetition(caplog: pytest.LogCaptureFixture):
    calls: list[int] = []
    repeated = threading.Event()

    def fail_once() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("the disk is gone")
        repeated.set()

    async def run() -> None:
        task = asyncio.create_task(repeat(fail_once, every_seconds=0))
        assert await asyncio.to_thread(repeated.wait, 60)
        task.cancel()

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert "the disk is gone" in caplog.text
