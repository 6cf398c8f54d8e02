"""The databases of the suite: to add one, a module with its `ENGINE` and its place in `ENGINES`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.engines import clickhouse, duckdb, postgresql, shopdb, spark, sqlite
from tests.engines.clickhouse import chdb_folder  # noqa: F401 - a fixture
from tests.engines.spark import spark_server, spark_url  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.engines.engine import Engine, Place

ENGINES = (duckdb.ENGINE, postgresql.ENGINE, sqlite.ENGINE, shopdb.ENGINE, spark.ENGINE, clickhouse.ENGINE)


@pytest.fixture(scope="module", params=[engine.row() for engine in ENGINES])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture(scope="module")
def place(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place of its own for the tests of a module."""
    with engine.open(request) as place:
        yield place


@pytest.fixture(scope="module")
def open_at(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Warehouse]]:
    """Opens warehouses on the place, with settings from the call alone; they are closed at the end of the module."""
    folder = tmp_path_factory.mktemp("settings")
    patched = pytest.MonkeyPatch()
    patched.chdir(folder)
    for name in Settings.model_fields:
        patched.delenv(name.upper(), raising=False)
    opened: list[Warehouse] = []

    def open_one(**settings: Any) -> Warehouse:
        given = {
            "models_dir": folder,
            "predictions_file": folder / "predictions.parquet",
            "dwh_statement_timeout_seconds": 600,  # a busy machine may be slow
            **settings,
        }
        opened.append(Warehouse(Settings(dwh_url=place.url, **given)))
        return opened[-1]

    yield open_one
    for warehouse in opened:
        warehouse.close()
    patched.undo()
