"""Files sent to the app: taken from those who may connect data, and from nobody else."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from loyalty_core.access import process_acts_as, terminal_viewer
from loyalty_core.services import services_of_process
from loyalty_core.ui.uploads import UploadPermission
from tests.workbench import Configure

HEADER = "X-Forwarded-Email"


async def _take(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())} bytes")


APP = Starlette(
    routes=[Route("/{path:path}", _take, methods=["PUT", "GET"])], middleware=[Middleware(UploadPermission)]
)


def put(path: str, person: str = "") -> httpx.Response:
    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://here") as client:
            return await client.put(path, content=b"12345", headers={HEADER: person} if person else {})

    return asyncio.run(answer())


@pytest.fixture
def people(configure: Configure) -> None:
    """An admin and a viewer, whom a proxy names."""
    configure(sign_in="proxy", trusted_proxies="127.0.0.1", proxy_user_header=HEADER)
    services = services_of_process()
    services.prepare_store()
    with process_acts_as(terminal_viewer()):
        services.people.grant("admin@example.com", "admin")
        services.people.grant("viewer@example.com", "viewer")


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("person", "status"), [("admin@example.com", 200), ("viewer@example.com", 403), ("new@example.com", 403), ("", 403)]
)
@pytest.mark.parametrize("base", ["", "/loyalty"])
def test_only_who_may_connect_data_sends_files(person: str, status: int, base: str) -> None:
    answer = put(f"{base}/_stcore/upload_file/session/file", person)
    assert answer.status_code == status
    assert answer.text == "5 bytes" if status == 200 else answer.json()["error"] == "not_allowed"


@pytest.mark.usefixtures("people")
def test_other_requests_pass() -> None:
    assert put("/_stcore/health").text == "5 bytes"


def test_while_nobody_can_be_looked_up_no_file_is_taken(configure: Configure) -> None:
    configure(sign_in="proxy", trusted_proxies="127.0.0.1", proxy_user_header=HEADER)  # without a state store
    assert put("/_stcore/upload_file/session/file", "admin@example.com").status_code == 403
