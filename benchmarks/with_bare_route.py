"""The served app with a bare route at /bare, which answers whatever was PUT there: the baseline of http_api.py.

The same is answered at /bare-beside, where the API is: past Streamlit's middleware, and without a router.

Run it with a port, in a folder with the app's .streamlit/, and with the settings in the environment.
"""

import sys
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from streamlit import starlette

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from loyalty_core import api  # noqa: E402


class BareRoute:
    """A plain Starlette route: no validation, no dependencies, no JSON."""

    answer = b""

    async def replace(self, request: Request) -> Response:
        BareRoute.answer = await request.body()
        return Response()

    async def respond(self, _: Request) -> Response:
        return Response(self.answer, media_type="application/json")


class AppWithBareRoute(starlette.App):
    """The app as serve.py makes it, with one more route."""

    def __init__(self, script_path: str, **options: Any) -> None:
        bare = BareRoute()
        routes = [Route("/bare", bare.respond, methods=["POST"]), Route("/bare", bare.replace, methods=["PUT"])]
        super().__init__(script_path, routes=routes, **options)


class MountedApiBesideBareAnswer(api.MountedApi):
    """The API as serve.py mounts it, and one more path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/bare-beside":
            await super().__call__(scope, receive, send)
            return
        await Request(scope, receive).body()
        await Response(BareRoute.answer, media_type="application/json")(scope, receive, send)


starlette.App = AppWithBareRoute
api.MountedApi = MountedApiBesideBareAnswer
port = int(sys.argv[1])
sys.argv = [str(ROOT / "serve.py")]  # beside which app.py is

from serve import app  # noqa: E402

app.run(config={"server.port": port})
