"""ClickHouse: chDB, inside the process of the tests."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from loyalty_core.settings import with_driver
from tests.engines.engine import Engine, tables_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MISSING = "chdb is not installed (pip install -r requirements-engines.txt)"
_ENDLESS = "SELECT count(*) FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"


class ClickHousePlace:
    """A database of its own in the folder, of which a process can open one."""

    def __init__(self, folder: Path) -> None:
        self.database = f"test_{uuid.uuid4().hex[:12]}"
        self.url = f"clickhouse+chdb:///{folder}?database={self.database}"
        self._engine = sa.create_engine(with_driver(f"clickhouse+chdb:///{folder}"))
        self._run(f"CREATE DATABASE {self.database}")

    def execute(self, statements: str) -> None:
        self._run(f"USE {self.database}", *filter(str.strip, statements.split(";")))

    def load(self, tables: Path) -> None:
        self._run(
            f"USE {self.database}",
            "SET schema_inference_make_columns_nullable = 1",
            *(
                f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM file('{file}', Parquet)"
                for name, file in tables_in(tables).items()
            ),
        )

    def drop(self) -> None:
        self._run(f"DROP DATABASE {self.database}")
        self._engine.dispose()

    def _run(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


@contextmanager
def _open(request: pytest.FixtureRequest) -> Iterator[ClickHousePlace]:
    place = ClickHousePlace(request.getfixturevalue("chdb_folder"))
    yield place
    place.drop()


@pytest.fixture(scope="session")
def chdb_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where chDB is missing, its tests are skipped on a developer's machine and fail under CI."""
    if find_spec("chdb") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(_MISSING)
    return tmp_path_factory.mktemp("chdb")


ENGINE = Engine("clickhouse", _open, refuses_writes=True, endless=_ENDLESS, is_quick=False)
