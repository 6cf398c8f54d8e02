"""Two servers on one warehouse, state store and folder of models: what is done in one counts in the other."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ml.bundles import activate, write_bundle
from tests.ml.fixtures import bundle_parts
from tests.waiting import PATIENCE_SECONDS, wait_until
from tests.workbench import API, GUIDE_CUSTOMER, Served, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSES = 'loyalty_feature_cache_lookups_total{result="miss"} '
RULE = {">": [{"var": "total_revenue"}, 500]}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder with two model versions, the first of which is active."""
    models = tmp_path_factory.mktemp("models")
    first, second = (write_bundle(models, bundle_parts()) for _ in range(2))
    activate(models, first, "test")
    return models, first, second


@pytest.fixture(scope="module")
def servers(
    demo_warehouse: Path, versions: tuple[Path, str, str], redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Served]]:
    """Two processes that share a cache in Redis."""
    settings = {
        "DWH_URL": f"duckdb:///{demo_warehouse}",
        "STATE_DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}",
        "MODELS_DIR": str(versions[0]),
        "REDIS_URL": redis_url,
    }
    folders = [Path(tempfile.mkdtemp(prefix="loyalty-process-")) for _ in range(2)]
    with serve(folders[0], **settings) as one, serve(folders[1], **settings) as other:
        yield one, other


def ask(app: Served, method: str, path: str, body: Any = None) -> Any:
    """The JSON that one process answers with."""
    with closing(HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_SECONDS)) as connection:
        connection.request(method, API + path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
    assert answer.status < 300, content
    return content


def answering(app: Served) -> str:
    """The version that answers for a customer."""
    return ask(app, "GET", f"/customers/{GUIDE_CUSTOMER}/")["model_version"]


def reads_of_the_warehouse(app: Served) -> float:
    """How many look-ups of features its cache could not answer, after one more."""
    ask(app, "GET", f"/dwh/features/{GUIDE_CUSTOMER}/")
    with closing(HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_SECONDS)) as connection:
        connection.request("GET", f"{API}/metrics/")
        lines = connection.getresponse().read().decode().splitlines()
    (value,) = [line.split()[-1] for line in lines if line.startswith(MISSES)]
    return float(value)


@pytest.mark.slow
def test_a_version_activated_in_one_answers_in_the_other(
    servers: tuple[Served, Served], versions: tuple[Path, str, str]
) -> None:
    one, other = servers
    _, first, second = versions
    assert {answering(one), answering(other)} == {first}
    ask(one, "POST", f"/ml/versions/{second}/activate/", {"even_if_worse": True})
    assert answering(one) == second
    wait_until(lambda: answering(other) == second)


@pytest.mark.slow
def test_a_segment_saved_in_one_is_in_the_other(servers: tuple[Served, Served]) -> None:
    one, other = servers
    segment = ask(one, "POST", "/segments/", {"name": "Big spenders", "rule": RULE})
    assert ask(other, "GET", f"/segments/{segment['id']}/")["rule"] == RULE
    ask(other, "PUT", f"/segments/{segment['id']}/", {"name": "Spenders", "rule": RULE, "version": 1})
    assert ask(one, "GET", f"/segments/{segment['id']}/")["name"] == "Spenders"


@pytest.mark.slow
def test_a_customer_cached_in_one_is_forgotten_in_the_other(servers: tuple[Served, Served]) -> None:
    one, other = servers
    ask(one, "GET", f"/dwh/features/{GUIDE_CUSTOMER}/")
    forget = {"customer_ids": [GUIDE_CUSTOMER]}
    assert ask(other, "POST", "/dwh/cache/invalidate/", forget)["invalidated"] == 1
    assert ask(one, "POST", "/dwh/cache/invalidate/", forget)["invalidated"] == 0


@pytest.mark.slow
def test_without_redis_a_customer_removed_in_one_is_removed_in_the_other(
    demo_warehouse: Path, versions: tuple[Path, str, str], tmp_path: Path
) -> None:
    settings = {
        "DWH_URL": f"duckdb:///{demo_warehouse}",
        "STATE_DATABASE_URL": f"sqlite:///{tmp_path / 'state.db'}",
        "MODELS_DIR": str(versions[0]),
    }
    folders = [Path(tempfile.mkdtemp(prefix="loyalty-process-")) for _ in range(2)]
    forget = {"customer_ids": [GUIDE_CUSTOMER]}
    with serve(folders[0], **settings) as one, serve(folders[1], **settings) as other:
        assert [reads_of_the_warehouse(one) for _ in range(2)] == [1, 1]
        ask(other, "POST", "/dwh/cache/invalidate/", forget)
        wait_until(lambda: reads_of_the_warehouse(one) == 2)
