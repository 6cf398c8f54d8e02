"""Logs of jobs in the folder for temporary files."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loyalty_core.jobs import remove_abandoned_logs
from loyalty_core.jobs.process import launch, new_log


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of this test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def days_old(log: Path) -> Path:
    """The log, its last line two days old."""
    os.utime(log, (time.time() - 2 * 24 * 3600,) * 2)
    return log


def test_only_old_logs_that_no_job_writes_to_are_removed(temporary: Path) -> None:
    abandoned, recent, running = days_old(new_log()), new_log(), new_log()
    other = days_old(Path(tempfile.mkstemp(prefix="other-", suffix=".log")[1]))
    job = launch("http.server", 0, running, {})  # a module that runs until it is stopped
    try:
        days_old(running)
        remove_abandoned_logs()
        assert not abandoned.exists()
        assert all(log.exists() for log in (recent, running, other))
    finally:
        job.kill()
        job.wait()
    days_old(running)
    remove_abandoned_logs()
    assert not running.exists()
