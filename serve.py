"""Serves the dashboard and the HTTP API from one process. Start it with `streamlit run serve.py`."""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.middleware import Middleware
from starlette.routing import Mount
from streamlit import config, net_util
from streamlit.runtime.pages_manager import PagesManager
from streamlit.starlette import App

from loyalty_core.access import require_protection
from loyalty_core.api import BrowserProtection, IdleConnections, Instrumentation, create_api, disable_nagle_algorithm
from loyalty_core.errors import SettingsError
from loyalty_core.jobs import remove_abandoned_logs
from loyalty_core.segments.exports import ExportFailed, remove_old
from loyalty_core.services import services_of_process
from loyalty_core.telemetry import configure_logging
from loyalty_core.ui.api_links import api_root
from loyalty_core.ui.content_policy import content_policies

_idle_connections = IdleConnections(seconds=30)


@asynccontextmanager
async def _lifespan(_: App) -> AsyncIterator[dict[str, Any]]:
    services = services_of_process()
    configure_logging(services.settings.log_format, services.settings.log_level)
    disable_nagle_algorithm()
    services.prepare_store()
    remove_abandoned_logs()
    with suppress(ExportFailed):  # the next export reports it
        remove_old(services.settings.exports_dir, services.settings.exports_kept_days)
    # Streamlit runs a full garbage collection after every rerun; objects loaded so far need not be examined again.
    gc.collect()
    gc.freeze()
    async with _idle_connections.closing():
        yield {}


try:
    require_protection(
        services_of_process().settings,
        config.get_option("server.address"),
        config.get_option("server.trustedUserHeaders"),
    )
except SettingsError as error:
    # One line instead of the web server's traceback.
    sys.exit(f"error: {error}")

# With a folder named pages/, Streamlit would run the page of a first deep link alone, without app.py around it.
PagesManager.uses_pages_directory = False

# Streamlit would ask a host on the internet for this machine's address whenever a page of another origin calls.
net_util.get_external_ip = lambda: None

app = App(
    "app.py",
    routes=[Mount(api_root(), app=create_api())],
    lifespan=_lifespan,
    middleware=[
        Middleware(Instrumentation, api_root=api_root()),
        Middleware(_idle_connections.track),
        Middleware(
            BrowserProtection,
            hosts=(*services_of_process().settings.allowed_hosts, config.get_option("server.address") or "localhost"),
            policies=content_policies(),
            api_path=api_root(),
        ),
    ],
)
