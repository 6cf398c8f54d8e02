"""Serves the app for a benchmark, and opens it in a browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright

START_SECONDS = 60


def chromium(playwright: Playwright) -> Browser:
    """Debian's chromium."""
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=switches)


@contextmanager
def served(arguments: Sequence[str], settings: Mapping[str, str]) -> Iterator[int]:
    """`streamlit ARGUMENTS` on a free port, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", *arguments, "--server.port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env={**os.environ, **settings}, **quiet)
    try:
        wait_until_healthy(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_until_healthy(port: int) -> None:
    """Return once the app answers; raises TimeoutError after a minute."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("The app did not start.")
