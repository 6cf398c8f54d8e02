"""Whether the app lives, and whether it is ready, for what starts it and sends it requests."""

import socket
from pathlib import Path

import pytest

from loyalty_core.services import get_services
from tests.fixtures.api import Ask
from tests.servers import PostgresServer
from tests.workbench import Configure

PROBES = ["", "/"]


@pytest.mark.parametrize("end", PROBES)
def test_a_sound_app_is_ready(demo_settings: Configure, ask: Ask, end: str):
    answer = ask(f"/health/ready{end}")
    assert answer.status_code == 200
    assert [(check["area"], check["status"]) for check in answer.json()["checks"]] == [
        ("Warehouse", "ok"),
        ("State store", "ok"),
    ]


@pytest.mark.parametrize("end", PROBES)
def test_without_a_warehouse_the_app_lives_and_is_not_ready(configure: Configure, tmp_path: Path, ask: Ask, end: str):
    configure(dwh_url=f"duckdb:///{tmp_path / 'missing.duckdb'}")
    get_services().prepare_store()
    answer = ask(f"/health/ready{end}")
    assert answer.status_code == 503
    body = answer.json()
    assert body["error"] == "not_ready"
    assert "missing.duckdb does not exist" in body["detail"]
    assert [check["status"] for check in body["checks"]] == ["error", "ok"]
    assert (ask(f"/health/live{end}").status_code, ask("/health/live/").json()) == (200, {"status": "ok"})


def test_an_app_whose_store_is_lost_is_not_ready_until_it_is_back(demo_settings: Configure, ask: Ask):
    store = get_services().store
    backup = store.back_up()
    file = store.dialect.file_of(store.url)
    assert file is not None
    file.unlink()
    answer = ask("/health/ready/")
    assert answer.status_code == 503
    assert "restore" in answer.json()["detail"]
    assert ask("/segments/").status_code == 503
    store.restore(backup)
    assert ask("/health/ready/").status_code == 200
    assert ask("/segments/").status_code == 200


def test_started_before_its_database_the_app_becomes_ready_with_it(
    demo_settings: Configure, postgres_server: PostgresServer, ask: Ask
):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with postgres_server.database() as url:
        demo_settings(state_database_url=url.replace(f":{postgres_server.port}/", f":{port}/"))
        get_services().prepare_store()
        answer = ask("/health/ready/")
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["detail"]
        with postgres_server.forwarded(port):
            assert ask("/health/ready/").status_code == 200
            created = ask("/segments/", "POST", {"name": "Rich", "rule": {">": [{"var": "total_revenue"}, 800]}})
            assert created.status_code == 201
            get_services().store.close()
