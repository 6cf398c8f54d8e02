"""Spark: its Thrift server, from the wheel of pyspark, on Java.

It takes a minute to start. SPARK_TEST_URL names one that runs already, for those who work on this.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from loyalty_core.settings import with_driver
from tests.engines.engine import Engine, tables_in
from tests.servers import ServerMissing, ServerProcess, free_port, required

if TYPE_CHECKING:
    from collections.abc import Iterator


# A machine may be ten times slower than a developer's.
PATIENT = {"connect_seconds": 60.0, "answer_seconds": 600.0}
_MAIN_CLASS = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
_ENDLESS = "SELECT count(*) FROM range(1000000) a CROSS JOIN range(1000000) b WHERE hash(a.id, b.id) = 1"


class SparkServer:
    """A Thrift server that computes in its own process, on two cores.

    Most statements of tests read few rows: compiling them takes longer than interpreting them.
    """

    def __init__(self, *, memory: str = "1g", compiles: bool = False) -> None:
        self._memory, self._compiles = memory, compiles
        package = find_spec("pyspark")
        if package is None or package.origin is None:
            raise ServerMissing("pyspark is not installed (pip install -r requirements-engines.txt)")
        if shutil.which("java") is None:
            raise ServerMissing("There is no java (Debian: openjdk-17-jre-headless)")
        self._home = Path(package.origin).parent
        self.port = free_port()
        self.url = f"spark://127.0.0.1:{self.port}/?auth=NOSASL"

    def start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="loyalty-spark-"))
        settings = {
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.hadoop.javax.jdo.option.ConnectionURL": "jdbc:derby:memory:metastore;create=true",
            "spark.sql.codegen.wholeStage": str(self._compiles).lower(),
            "spark.sql.codegen.factoryMode": "FALLBACK" if self._compiles else "NO_CODEGEN",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
        }
        hive = {
            "hive.server2.thrift.port": str(self.port),
            "hive.server2.thrift.bind.host": "127.0.0.1",
            "hive.server2.authentication": "NOSASL",
        }
        command = [
            *(str(self._home / "bin" / "spark-submit"), "--class", _MAIN_CLASS),
            *("--master", "local[2]", "--driver-memory", self._memory, "--name", "loyalty-tests"),
            *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")),
            "spark-internal",
            *(part for name, value in hive.items() for part in ("--hiveconf", f"{name}={value}")),
        ]
        environment = {**os.environ, "SPARK_HOME": str(self._home), "SPARK_LOCAL_IP": "127.0.0.1"}
        self._process = ServerProcess(command, folder=folder, stop_signal=signal.SIGTERM, env=environment)
        self._process.wait_until(self._answers, seconds=600.0)

    @property
    def pid(self) -> int:
        """The process that computes."""
        return self._process.pid

    def frozen(self):
        """Freeze it in this block: connections are accepted, and nothing ever answers."""
        return self._process.frozen()

    def stop(self) -> None:
        self._process.stop()

    def _answers(self) -> bool:
        engine = sa.create_engine(with_driver(self.url), connect_args=PATIENT)
        try:
            with engine.connect():
                return True
        except sa.exc.DBAPIError:
            return False
        finally:
            engine.dispose()


class SparkPlace:
    """A database of its own on the server."""

    def __init__(self, url: str) -> None:
        self.database = f"test_{uuid.uuid4().hex[:12]}"
        self._server = sa.create_engine(with_driver(url), connect_args=PATIENT)
        self.url = sa.make_url(url).set(database=self.database).render_as_string(hide_password=False)
        self._run(f"CREATE DATABASE {self.database}")

    def execute(self, statements: str) -> None:
        self._run(f"USE {self.database}", *filter(str.strip, statements.split(";")))

    def load(self, tables: Path) -> None:
        self._run(
            f"USE {self.database}",
            *(f"CREATE TABLE {name} AS SELECT * FROM parquet.`{file}`" for name, file in tables_in(tables).items()),
        )

    def drop(self) -> None:
        self._run(f"DROP DATABASE {self.database} CASCADE")
        self._server.dispose()

    def _run(self, *statements: str) -> None:
        with self._server.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


@pytest.fixture(scope="session")
def spark_server() -> Iterator[SparkServer]:
    """Started for the first test that needs it."""
    with required(SparkServer) as server:
        yield server


@pytest.fixture(scope="session")
def spark_url(request: pytest.FixtureRequest) -> str:
    return os.environ.get("SPARK_TEST_URL") or request.getfixturevalue("spark_server").url


@contextmanager
def _open(request: pytest.FixtureRequest) -> Iterator[SparkPlace]:
    place = SparkPlace(request.getfixturevalue("spark_url"))
    yield place
    place.drop()


ENGINE = Engine("spark", _open, endless=_ENDLESS, is_quick=False)
