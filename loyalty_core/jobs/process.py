"""Processes of jobs: started so that they outlive their parent, recognised later, and killed."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import loyalty_core
from loyalty_core.jobs.priority import thread_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOURCES = Path(loyalty_core.__file__).parents[1]
# When the clock is adjusted, the start time reported for the same process moves a little.
_CLOCK_SECONDS = 2.0
_TAIL_BYTES = 8_000
_LOG_PREFIX, _LOG_SUFFIX = "loyalty-job-", ".log"
_ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class ProcessIdentity:
    """Identifies a process even after its number has been reused; `started` is in seconds since 1970."""

    host: str
    pid: int
    started: float

    @property
    def is_here(self) -> bool:
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether it is still running; only meaningful on its own host."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _CLOCK_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def kill(self) -> None:
        """Kill it and everything it has started; only on its own host."""
        if not self.is_alive:
            return
        with suppress(ProcessLookupError, PermissionError):
            # Started by `launch`, it leads a process group; started by hand, the group may belong to someone else.
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)


def identify(pid: int) -> ProcessIdentity:
    """The identity of the process that has this number now. Raises `psutil.NoSuchProcess`."""
    return ProcessIdentity(socket.gethostname(), pid, psutil.Process(pid).create_time())


def new_log() -> Path:
    """A new, empty log file that only this account may read."""
    handle, name = tempfile.mkstemp(prefix=_LOG_PREFIX, suffix=_LOG_SUFFIX)
    os.close(handle)
    return Path(name)


def remove_abandoned_logs() -> None:
    """Remove logs that no job has open and that are a day old: their records were lost with a state store."""
    for log in Path(tempfile.gettempdir()).glob(f"{_LOG_PREFIX}*{_LOG_SUFFIX}"):
        with suppress(OSError):  # removed by another process, or owned by another account
            if time.time() - log.stat().st_mtime > _ABANDONED_SECONDS and _is_unlocked(log):
                log.unlink()


def _is_unlocked(log: Path) -> bool:
    with log.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def tail(log: Path) -> str:
    """The last lines of a log; "" if it cannot be read."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    # PostgreSQL cannot store NUL in texts.
    return (text.partition("\n")[2] if size > _TAIL_BYTES else text).replace("\0", "").strip()


def launch(module: str, job_id: int, log: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Run the module for a job in a new session; `settings` are passed in the environment, which `ps` does not show.

    Raises `OSError` if no process can be started, or if the log is gone since the job was cancelled meanwhile.
    """
    search_path = os.pathsep.join(filter(None, (str(_SOURCES), os.environ.get("PYTHONPATH"))))
    ours = {"PYTHONPATH": search_path, "PYTHONUNBUFFERED": "1"}
    environment = {**os.environ, **thread_limits(), **settings, **ours}
    # Not created where a cancellation has removed it: nobody would remove the new one.
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND), "ab") as output:
        fcntl.flock(output, fcntl.LOCK_SH)  # inherited with the file, so the job holds it as long as it runs
        return subprocess.Popen(  # noqa: S603 -- our own module, and a number
            [sys.executable, "-m", module, str(job_id)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
