"""openapi.json, and the page of interactive documentation: Swagger UI, with every file from this machine."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.api.access import allowed

router = APIRouter(include_in_schema=False, dependencies=[allowed(Action.VIEW)])

_OWN = {"page.js": "text/javascript", "page.css": "text/css"}
_SWAGGER_UI = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


@router.get("/openapi.json")
def read_description(request: Request) -> dict[str, Any]:
    """The OpenAPI description, with the path that this API is served at."""
    return {**request.app.openapi(), "servers": [{"url": request.scope.get("root_path") or "/"}]}


@router.get("/docs/")
def read_page() -> FileResponse:
    """The page; it names its files and openapi.json by relative addresses, so it works below any path."""
    return FileResponse(Path(__file__).with_name("page.html"), media_type="text/html", headers=_HEADERS)


@router.get("/docs/{name}")
def read_file(name: str) -> FileResponse:
    """A script or style sheet of the page."""
    if name in _OWN:
        return FileResponse(Path(__file__).with_name(name), media_type=_OWN[name], headers=_HEADERS)
    if name in _SWAGGER_UI:
        file = Path(str(files("fastapi_offline") / "static" / name))
        return FileResponse(file, media_type=_SWAGGER_UI[name], headers=_HEADERS)
    raise HTTPException(404)
