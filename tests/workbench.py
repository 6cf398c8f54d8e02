"""The product over a small demo warehouse: its settings, its services, and the whole of it as a served process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pytest
import streamlit as st

from loyalty_core.access import resolve_viewers_by
from loyalty_core.demo.generate import generate
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.services import get_services, services_of_process
from loyalty_core.settings import Settings, get_settings
from loyalty_core.warehouse.source import name_data
from tests.fixtures.described_once import described_once
from tests.ml.fixtures import bundle_parts, with_reference
from tests.servers import ServerProcess, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.shared import MadeOnce

ROOT = Path(__file__).parents[1]
DEMO_CUSTOMERS = 2_000
GUIDE_CUSTOMER = "123e4567-e89b-12d3-a456-426614174000"
API = "/api/loyalty/v1"


class Configure(Protocol):
    """Sets settings for the rest of the test; the services are built anew from them."""

    def __call__(self, **settings: object) -> None: ...


class Query(Protocol):
    """Runs a statement as it is and returns its rows."""

    def __call__(self, statement: str, *values: object) -> list[tuple[Any, ...]]: ...


@pytest.fixture(scope="session")
def demo_warehouse(made_once: MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A DuckDB file with 2,000 simulated members; read it only. Predictions may be written beside it."""
    made = made_once("demo", lambda folder: generate(folder / "warehouse.duckdb", customers=DEMO_CUSTOMERS))
    file = Path(shutil.copy(made / "warehouse.duckdb", tmp_path_factory.mktemp("demo")))
    with described_once(file):
        yield file


@pytest.fixture(scope="session")
def query_demo(demo_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """Plain DuckDB on a copy of the demo, since one process may not open one file in two ways."""
    copy = shutil.copy(demo_warehouse, tmp_path_factory.mktemp("copy") / "warehouse.duckdb")
    with duckdb.connect(str(copy), read_only=True) as connection:
        yield lambda statement, *values: connection.execute(statement, values).fetchall()


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Settings from the test alone, in a folder of its own; what the process keeps of them goes before and after."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / ".streamlit", tmp_path / ".streamlit")
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def set_settings(**settings: object) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(name.upper(), str(value))
        _forget_services()

    # Tests wait for jobs, which have no reason to give way to them.
    set_settings(
        state_database_url=f"sqlite:///{tmp_path / 'state.db'}", models_dir=tmp_path / "models", jobs_niceness=0
    )
    yield set_settings
    resolve_viewers_by(lambda: None)  # the app has set it, for the whole process
    _forget_services()


@pytest.fixture
def demo_settings(configure: Configure, demo_warehouse: Path, tmp_path: Path, migrated_file: Path) -> Configure:
    """The product on the demo warehouse, its state store ready as after a start."""
    shutil.copy(migrated_file, tmp_path / "state.db")
    configure(dwh_url=f"duckdb:///{demo_warehouse}")
    get_services().prepare_store()
    return configure


@pytest.fixture
def trained(demo_settings: Configure) -> str:
    """Tiny but real models active on the demo warehouse; returns their version."""
    models_dir = get_settings().models_dir
    version = write_bundle(models_dir, bundle_parts())
    activate(models_dir, version, "test")
    return version


@pytest.fixture
def watched(demo_settings: Configure) -> str:
    """The same models, trained today on the demo with what its features are like, and holding; their version."""
    models_dir, warehouse = get_settings().models_dir, get_services().warehouse
    parts = with_reference(bundle_parts(), warehouse)
    poor = {"auc": 0.01, "top_1": 0.0}
    today = {name: replace(part, trained_at=datetime.now(UTC), metrics=poor) for name, part in parts.models.items()}
    version = write_bundle(models_dir, replace(parts, models=today, trained_on=name_data(warehouse)))
    activate(models_dir, version, "test")
    return version


def activate_with(**window: Any) -> str:
    """Tiny models with an AUC of 0.99 on test rows, which they are far from on the demo."""
    parts = bundle_parts()
    models = {
        name: replace(part, metrics={"auc": 0.99, "top_1": 0.01}, window=window) for name, part in parts.models.items()
    }
    models_dir = get_settings().models_dir
    version = write_bundle(models_dir, replace(parts, models=models))
    activate(models_dir, version, "test")
    return version


@dataclass(frozen=True)
class Answer:
    """What came back for an HTTP request."""

    status: int
    text: str


@dataclass(frozen=True)
class Served:
    """The dashboard and the API, running as in production; `folder` holds what it writes, `base` is their path."""

    port: int
    folder: Path
    base: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base}"

    def get(self, path: str) -> Answer:
        try:
            with urllib.request.urlopen(self.url + path, timeout=120) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode())


@dataclass(frozen=True)
class Internet:
    """A proxy that stands for all other hosts: it refuses every request and records where it was to go."""

    url: str
    requested: list[str]


@pytest.fixture(scope="session")
def internet() -> Iterator[Internet]:
    """What the served app would ask of other hosts."""
    requested: list[str] = []

    class Refusal(BaseHTTPRequestHandler):
        def refuse(self) -> None:
            requested.append(self.path)
            self.send_error(502)

        do_GET = do_POST = do_CONNECT = refuse  # noqa: N815 -- the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Nothing on the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Internet(f"http://127.0.0.1:{server.server_port}", requested)
        server.shutdown()


@pytest.fixture(scope="session")
def served(demo_warehouse: Path, internet: Internet) -> Iterator[Served]:
    """`streamlit run serve.py` on a free port: the demo warehouse in mock mode, started from a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="loyalty-app-"))
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), internet.url)
    with serve(folder, DWH_URL=f"duckdb:///{demo_warehouse}", ML_MOCK_MODE="true", **proxies) as app:
        yield app


@contextmanager
def serve(folder: Path, base: str = "", **settings: str) -> Iterator[Served]:
    """The app with these settings, below the path `base`; all that it writes, it writes into `folder`."""
    app = Served(free_port(), folder, base)
    process = start_serving(app, settings)
    try:
        yield app
    finally:
        process.stop()


def start_serving(app: Served, settings: dict[str, str]) -> ServerProcess:
    """Start the app and wait until it answers; its folder goes when it is stopped."""
    own = {"STATE_DATABASE_URL": f"sqlite:///{app.folder / 'state.db'}", "JOBS_NICENESS": "0"}
    process = ServerProcess(
        [*SERVE, "--server.port", str(app.port), *(("--server.baseUrlPath", app.base) if app.base else ())],
        folder=app.folder,
        stop_signal=signal.SIGTERM,
        env=clean_environment() | own | settings,
    )
    process.wait_until(lambda: _answers(app))
    return process


SERVE = [sys.executable, "-m", "streamlit", "run", str(ROOT / "serve.py")]


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting of the product."""
    ours = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in ours}


def _answers(app: Served) -> bool:
    try:
        return app.get("/_stcore/health").status == 200
    except OSError:
        return False


def _forget_services() -> None:
    if services_of_process.cache_info().currsize:
        services = services_of_process()
        services.warehouse.close()
        services.store.close()
    services_of_process.cache_clear()
    get_settings.cache_clear()
    st.cache_data.clear()
