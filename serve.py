"""Serves the dashboard and the HTTP API from one process. Start it with `streamlit run serve.py`."""

import gc

# What is loaded now stays for as long as the process: looking for garbage in it would take a third of the start.
gc.disable()

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware
from starlette.types import Scope
from streamlit import config, net_util
from streamlit.runtime.pages_manager import PagesManager
from streamlit.starlette import App

from loyalty_core.access import require_protection
from loyalty_core.api import (
    BrowserProtection,
    IdleConnections,
    Instrumentation,
    LoadedLater,
    MountedApi,
    disable_nagle_algorithm,
)
from loyalty_core.errors import SettingsError, StateStoreUnavailable
from loyalty_core.settings import get_settings
from loyalty_core.store import prepare_store
from loyalty_core.telemetry.logs import configure_logging
from loyalty_core.ui.api_links import api_root
from loyalty_core.ui.content_policy import content_policies
from loyalty_core.work.upkeep import remove_expired, repeat

if TYPE_CHECKING:
    from loyalty_core.campaigns.sending.background import BackgroundSender
    from loyalty_core.events.running import EventThreads
    from loyalty_core.services import Services

# What another process has connected, or removed from its cache, is noticed within this many seconds.
FOLLOW_SECONDS = 1.0


def _read_sign_in(scope: Scope) -> Any:
    from loyalty_core.ui.sign_in import sign_in_of_request  # noqa: PLC0415

    return sign_in_of_request(scope)


def _sign_in_middleware() -> list[Middleware]:
    """Loaded only where people sign in. Raises `SettingsError` where no identity provider is configured."""
    if get_settings().sign_in == "off":
        return []
    from loyalty_core.ui.sign_in import SignInHeaders, require_provider  # noqa: PLC0415
    from loyalty_core.ui.uploads import UploadPermission  # noqa: PLC0415

    require_provider(get_settings())
    return [Middleware(SignInHeaders), Middleware(UploadPermission)]


_api = LoadedLater(_read_sign_in)
_idle_connections = IdleConnections(seconds=30)


@asynccontextmanager
async def _lifespan(_: App) -> AsyncIterator[dict[str, Any]]:
    settings = get_settings()
    configure_logging(settings.log_format, settings.log_level)
    disable_nagle_algorithm()
    prepare_store(settings.state_database_url)
    workers = _Workers()
    threading.Thread(target=_complete_start, args=(workers,), name="start", daemon=True).start()
    upkeep = asyncio.create_task(repeat(remove_expired))
    following = [
        asyncio.create_task(repeat(follow, FOLLOW_SECONDS))
        for follow in (workers.follow_connection, workers.follow_invalidations)
    ]
    async with _idle_connections.closing():
        yield {}
    upkeep.cancel()
    for task in following:
        task.cancel()
    await asyncio.to_thread(workers.stop)


class _Workers:
    """The threads that apply events and send messages, unless separate processes do."""

    def __init__(self) -> None:
        self._threads: list[EventThreads | BackgroundSender] = []
        self._services: Services | None = None
        self._is_stopped = False
        self._lock = threading.Lock()

    def start(self) -> None:
        from loyalty_core.campaigns.sending.background import BackgroundSender  # noqa: PLC0415
        from loyalty_core.events.running import EventThreads  # noqa: PLC0415
        from loyalty_core.services import services_of_process  # noqa: PLC0415

        settings, services = get_settings(), services_of_process()
        with self._lock:
            if self._is_stopped:
                return
            self._services = services
            if settings.events_worker == "server":
                self._threads.append(EventThreads(services))
            if settings.campaigns_sender == "server":
                self._threads.append(BackgroundSender(services.new_sender))
            for threads in self._threads:
                threads.start()

    def follow_connection(self) -> None:
        """Start anew on the data that is connected now, once other data has been connected."""
        from loyalty_core.services import follow_connection, services_of_process  # noqa: PLC0415

        follow_connection()
        with self._lock:
            former, threads = self._services, self._threads
            if former is None or self._is_stopped or former is services_of_process():
                return
            self._threads = []
        for one in threads:
            one.stop()
        self.start()

    def follow_invalidations(self) -> None:
        """Remove from the cache what another process has removed from its own."""
        with suppress(StateStoreUnavailable):  # health checks report it
            if (services := self._services) is not None:
                services.invalidations.follow()

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
        for threads in self._threads:
            threads.stop()


def _complete_start(workers: _Workers) -> None:
    """What the first answers do not need, while a browser loads the page."""
    try:
        _api.load()
        workers.start()
        remove_expired()
    finally:
        # Streamlit runs a full garbage collection after every rerun; objects loaded so far need not be examined again.
        gc.collect()
        gc.freeze()
        gc.enable()


try:
    require_protection(
        get_settings(),
        config.get_option("server.address"),
        config.get_option("server.trustedUserHeaders"),
    )
    _sign_in = _sign_in_middleware()
except SettingsError as error:
    # One line instead of the web server's traceback.
    sys.exit(f"error: {error}")

# With a folder named pages/, Streamlit would run the page of a first deep link alone, without app.py around it.
PagesManager.uses_pages_directory = False

# Streamlit would ask a host on the internet for this machine's address whenever a page of another origin calls.
net_util.get_external_ip = lambda: None

app = App(
    "app.py",
    lifespan=_lifespan,
    middleware=[
        Middleware(Instrumentation, api_root=api_root()),
        Middleware(_idle_connections.track),
        Middleware(
            BrowserProtection,
            hosts=(*get_settings().answered_hosts, config.get_option("server.address") or "localhost"),
            policies=content_policies(),
            api_path=api_root(),
            open_paths=[f"{api_root()}/contact/"],
        ),
        *_sign_in,
        Middleware(MountedApi, path=api_root(), api=_api),
    ],
)
