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
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

START_SECONDS = 60
# Clicks and waits in the page itself, so that no round trip to this program is measured.
_CLICK = """
title => new Promise(done => {
  const app = () => document.querySelector('[data-testid=stApp]');
  const link = [...document.querySelectorAll('[data-testid=stSidebarNavLink]')].find(e => e.innerText.includes(title));
  const started = performance.now();
  const look = () =>
    document.querySelector('[data-testid=stMain] h1')?.innerText === title
      && app().getAttribute('data-test-script-state') === 'notRunning'
      && !document.querySelector('[data-testid=stSkeleton]')
      ? done((performance.now() - started) / 1000) : requestAnimationFrame(look);
  link.click();
  look();
})
"""


def chromium(playwright: Playwright) -> Browser:
    """Debian's chromium."""
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=switches)


def seconds_of_click(page: Page, title: str) -> float:
    """Seconds from a click in the sidebar to the finished screen with this title."""
    return page.evaluate(_CLICK, title)


@dataclass(frozen=True)
class Server:
    """A served app: its port, and the id of its process."""

    port: int
    pid: int


@contextmanager
def served(arguments: Sequence[str], settings: Mapping[str, str]) -> Iterator[int]:
    """`streamlit ARGUMENTS` on a free port, once it answers."""
    with started([sys.executable, "-m", "streamlit", *arguments], settings) as server:
        yield server.port


@contextmanager
def with_empty_page(settings: Mapping[str, str]) -> Iterator[Server]:
    """The app with an empty page among its screens, once it answers."""
    with started([sys.executable, str(Path(__file__).with_name("with_empty_page.py"))], settings) as server:
        yield server


@contextmanager
def started(command: Sequence[str], settings: Mapping[str, str]) -> Iterator[Server]:
    """A command that serves the app, on a free port, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*command, "--server.port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env={**os.environ, **settings}, **quiet)
    try:
        wait_until_healthy(port)
        yield Server(port, process.pid)
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
