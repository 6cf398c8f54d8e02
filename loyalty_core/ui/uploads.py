"""Who may send files to the app: Streamlit takes them from every open session, before any page has run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from loyalty_core.access import Action, Viewer
from loyalty_core.errors import LoyaltyError
from loyalty_core.services import services_of_process
from loyalty_core.ui.sign_in import sign_in_of_request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_UPLOADS = "/_stcore/upload_file/"


class UploadPermission:
    """ASGI middleware where people sign in: a file is refused unless its sender may connect data, its only use."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _UPLOADS not in scope["path"] or await run_in_threadpool(_may_upload, scope):
            await self._app(scope, receive, send)
            return
        detail = f"You may not {Action.CONNECT_DATA.phrase}, and files are accepted for nothing else."
        await JSONResponse({"error": "not_allowed", "detail": detail}, 403)(scope, receive, send)


def _may_upload(scope: Scope) -> bool:
    try:
        viewer = _viewer(scope)
    except LoyaltyError:
        return False
    return viewer is not None and viewer.may(Action.CONNECT_DATA)


def _viewer(scope: Scope) -> Viewer | None:
    sign_in = sign_in_of_request(scope)
    return services_of_process().viewers.of_sign_in(sign_in) if sign_in else None
