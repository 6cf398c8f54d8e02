"""One process for people and programs: the dashboard and the HTTP API. Start it with `streamlit run serve.py`."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.routing import Mount
from streamlit.starlette import App

from loyalty_core.api import create_api
from loyalty_core.services import get_services


@asynccontextmanager
async def _lifespan(_: App) -> AsyncIterator[dict[str, Any]]:
    get_services().prepare_store()
    # Streamlit collects garbage after every rerun; what is loaded by now need not be looked at again.
    gc.collect()
    gc.freeze()
    yield {}


app = App("app.py", routes=[Mount("/api/loyalty/v1", app=create_api())], lifespan=_lifespan)
