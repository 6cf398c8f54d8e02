"""The served app with a bare route at /bare, which answers whatever was PUT there: the baseline of http_api.py.

Run it with a port, in a folder with the app's .streamlit/, and with the settings in the environment.
"""

import sys
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit import starlette

ROOT = Path(__file__).parents[1]


class BareRoute:
    """A plain Starlette route: no validation, no dependencies, no JSON."""

    answer = b""

    async def replace(self, request: Request) -> Response:
        self.answer = await request.body()
        return Response()

    async def respond(self, _: Request) -> Response:
        return Response(self.answer, media_type="application/json")


class AppWithBareRoute(starlette.App):
    """The app as serve.py makes it, with one more route."""

    def __init__(self, script_path: str, *, routes: Any, **options: Any) -> None:
        bare = BareRoute()
        ours = [Route("/bare", bare.respond, methods=["POST"]), Route("/bare", bare.replace, methods=["PUT"])]
        super().__init__(script_path, routes=[*ours, *routes], **options)


starlette.App = AppWithBareRoute
sys.path.insert(0, str(ROOT))
port = int(sys.argv[1])
sys.argv = [str(ROOT / "serve.py")]  # beside which app.py is

from serve import app  # noqa: E402

app.run(config={"server.port": port})
