"""The served process: dashboard and API on one port, and a start that fails in one line."""

import json
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

import duckdb
import httpx
import pytest

from loyalty_core.connections import Connections
from loyalty_core.connections.connection import new_folder
from loyalty_core.store import StateStore
from tests.waiting import wait_until
from tests.workbench import API, GUIDE_CUSTOMER, SERVE, Internet, Served, clean_environment, serve

pytestmark = pytest.mark.extended


def test_the_dashboard_is_served(served: Served):
    answer = served.get("/")
    assert answer.status == 200
    assert "<title>Streamlit</title>" in answer.text


def test_the_api_is_served_beside_it(served: Served):
    answer = served.get(f"{API}/health/")
    assert answer.status == 200
    health = json.loads(answer.text)
    assert "customer_features_view: 40 columns; customers: 2,000." in [check["detail"] for check in health["checks"]]
    store = next(check for check in health["checks"] if check["area"] == "State store")
    assert store["status"] == "ok"


def test_both_are_served_below_a_path_of_their_own(demo_warehouse: Path, tmp_path: Path):
    with serve(tmp_path, base="/crm", DWH_URL=f"duckdb:///{demo_warehouse}", ML_MOCK_MODE="true") as app:
        assert "<title>Streamlit</title>" in app.get("/").text
        assert json.loads(app.get(f"{API}/dwh/customers/{GUIDE_CUSTOMER}/").text)["customer_id"] == GUIDE_CUSTOMER


def test_api_errors_have_their_shape_behind_the_dashboard(served: Served):
    answer = served.get(f"{API}/dwh/customers/nobody/")
    assert (answer.status, json.loads(answer.text)["error"]) == (404, "customer_not_found")
    answer = served.get(f"{API}/nope/")
    assert (answer.status, json.loads(answer.text)["error"]) == (404, "not_found")
    assert json.loads(served.get(f"{API}/dwh/customers/{GUIDE_CUSTOMER}/").text)["customer_id"] == GUIDE_CUSTOMER


def test_requests_are_measured_and_logged_by_route_and_not_by_path(served: Served):
    assert served.get(f"{API}/dwh/customers/{GUIDE_CUSTOMER}/").status == 200
    assert served.get(f"{API}/dwh/customers/?q=secret").status == 200
    assert served.get("/customers?customer_id=secret").status == 200
    metrics = served.get(f"{API}/metrics/").text
    for route in ("/dwh/customers/{customer_id}/", "screens"):
        counted = f'loyalty_http_request_duration_seconds_count{{method="GET",route="{route}",status="200"}}'
        assert counted in metrics
    log = (served.folder / "server.log").read_text()
    assert "route=/dwh/customers/{customer_id}/" in log
    assert GUIDE_CUSTOMER not in metrics + log
    assert "secret" not in metrics + log


def test_the_api_describes_itself(served: Served):
    paths = json.loads(served.get(f"{API}/openapi.json").text)["paths"]
    assert {"/health/", "/dwh/columns/", "/dwh/customers/"} <= set(paths)


def test_it_listens_on_this_machine_alone(served: Served):
    listening = {
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{served.port:04X}")
    }
    loopback = socket.inet_aton("127.0.0.1")[::-1].hex().upper()
    assert listening == {f"{loopback}:{served.port:04X}"}


def test_answers_on_an_open_connection_do_not_wait_for_the_client(served: Served):
    """On an open connection a client delays its acknowledgement by 40 ms, on a new one it does not."""

    def seconds_for_a_call(connection: HTTPConnection) -> float:
        started = time.monotonic()
        connection.request("GET", f"{API}/dwh/customers/{GUIDE_CUSTOMER}/")
        assert connection.getresponse().read()
        return time.monotonic() - started

    kept_open, new = [], []
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        for _ in range(60):  # in turn, and the fastest counts, so that a busy machine does not matter
            kept_open.append(seconds_for_a_call(connection))
            with closing(HTTPConnection("127.0.0.1", served.port, timeout=60)) as other:
                new.append(seconds_for_a_call(other))
    assert min(kept_open) < min(new) + 0.03


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://shop.example"),
        ("127.0.0.1", "http://localhost:3000"),  # another program's page on this machine
        ("shop.example", "http://shop.example"),  # a name that was made to resolve to this machine
    ],
)
def test_a_page_of_another_origin_is_refused_without_asking_other_hosts(
    served: Served, internet: Internet, host: str, origin: str
):
    request = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}:{served.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Origin: {origin}",
    ]
    asked_before = len(internet.requested)
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*request, "", ""]).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403")
    assert internet.requested[asked_before:] == []


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/", "script-src 'self' 'wasm-unsafe-eval' 'sha256-"),
        ("/static/none.js", "script-src 'self' 'wasm-unsafe-eval' 'sha256-"),
        ("/_stcore/health", "frame-ancestors 'none'"),
        ("/component/streamlit_elements.core.render.streamlit_elements/index.html", "frame-ancestors 'self'"),
        (f"{API}/health/live/", "default-src 'none'"),
        (f"{API}/nope/", "default-src 'none'"),
    ],
)
def test_every_response_protects_the_browser(served: Served, path: str, policy: str):
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request("GET", path)
        headers = connection.getresponse().headers
    assert policy in headers["content-security-policy"]
    assert headers.get_all("x-content-type-options") == ["nosniff"]
    assert headers["referrer-policy"] == "same-origin"


def test_other_names_are_refused(served: Served):
    for path in ("/", "/_stcore/health", f"{API}/segments/"):
        with closing(HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
            connection.request("GET", path, headers={"Host": "shop.example"})
            assert connection.getresponse().status == 421, path


def test_a_wrong_setting_stops_the_start_with_one_line(tmp_path: Path):
    done = subprocess.run(
        [*SERVE, "--server.port", "0"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_environment() | {"TIME_ZONE": "Mars"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: Setting TIME_ZONE has the value 'Mars'. Allowed: an IANA time zone such as Europe/Oslo."
    ]


@pytest.mark.slow
def test_events_are_applied_to_the_data_that_was_connected_last(monkeypatch: pytest.MonkeyPatch):
    folder = Path(tempfile.mkdtemp(prefix="loyalty-connected-"))
    monkeypatch.chdir(folder)
    (folder / "data").mkdir()
    for name, customer in (("data/warehouse.duckdb", "before"), ("other.duckdb", "after")):
        with duckdb.connect(folder / name) as connection:
            connection.execute(
                f"CREATE TABLE customer_features_view AS SELECT '{customer}' AS customer_id, 7.5 AS total_revenue"
            )
    with serve(folder, ML_MOCK_MODE="true") as app:
        numbers = count()

        def is_known(customer: str) -> bool:
            """Whether the worker finds the customer of an event in the warehouse that it reads."""
            event = str(next(numbers) + 1)
            at = datetime.now(UTC).isoformat()
            body = {"event_id": event, "type": "customer.login", "customer_id": customer, "occurred_at": at}
            httpx.post(f"{app.url}{API}/events/", json=body, timeout=120).raise_for_status()
            trace = f"{API}/events/{event}/trace/"
            wait_until(lambda: app.get(trace).status == 200)
            steps = {step["name"]: step["output"] for step in json.loads(app.get(trace).text)["steps"]}
            return steps["Features fetched"]["found"]

        assert (is_known("before"), is_known("after")) == (True, False)
        connections = Connections(StateStore(f"sqlite:///{folder / 'state.db'}"))
        settings = {"dwh_url": f"duckdb:///{folder / 'other.duckdb'}"}
        connections.add(new_folder("other"), "other", "database", settings)
        wait_until(lambda: is_known("after"))
        assert not is_known("before")
