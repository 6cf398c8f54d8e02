"""The warehouse layer against the bare driver: `python -m benchmarks.warehouse`.

Each ratio compares with the first line of its table, measured in the same run. With `--sizes N …`, how the main
questions grow with the base instead (`growth.py`); `--folder` is where the bases are kept, whose making takes longest.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import redis
import sqlalchemy as sa
from sqlalchemy import event

from benchmarks.growth import growth
from benchmarks.timing import compare, show
from loyalty_core.settings import Settings
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.columns import read_catalog
from loyalty_core.warehouse.customers import MemoryCache
from loyalty_core.warehouse.customers.redis_cache import RedisCache

CUSTOMERS = 1_000_000
NUMBERS, TEXTS = 25, 10  # with the id, two dates and two booleans: 40 columns


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.warehouse")
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if not given.sizes:
        against_the_driver()
        return
    with tempfile.TemporaryDirectory() as folder:
        growth(given.folder or Path(folder), given.sizes)


def against_the_driver() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "warehouse.duckdb"
        make_warehouse(file)
        same_file = Path(folder) / "bare.duckdb"  # one process opens one path with one configuration only
        same_file.hardlink_to(file)
        warehouse = Warehouse(Settings(dwh_url=f"duckdb:///{file}"))
        with closing(warehouse), duckdb.connect(str(same_file), read_only=True) as bare:
            print(f"{CUSTOMERS:,} customers × {len(warehouse.features.columns)} columns in DuckDB")
            catalog(warehouse, bare)
            one_customer(warehouse, bare)
            many_customers(warehouse, bare)
            stream(warehouse, bare)


def make_warehouse(file: Path) -> None:
    numbers = ", ".join(f"hash(i * {n + 3}) % 10000 / {n + 1}.0 AS number_{n}" for n in range(NUMBERS))
    texts = ", ".join(f"'value ' || hash(i * {n + 7}) % {5 * (n + 1)} AS text_{n}" for n in range(TEXTS))
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            f"CREATE TABLE customers AS SELECT 'C' || i AS customer_id, {numbers}, {texts}, "
            "DATE '2020-01-01' + CAST(i % 1000 AS integer) AS joined, "
            "TIMESTAMP '2024-01-01' - to_hours(i % 5000) AS seen, "
            f"i % 3 = 0 AS active, i % 7 = 0 AS verified FROM range({CUSTOMERS}) AS s(i)"
        )
        connection.execute("CREATE VIEW customer_features_view AS SELECT * FROM customers")


def catalog(warehouse: Warehouse, bare: duckdb.DuckDBPyConnection) -> None:
    view = warehouse.features
    sent: list[tuple[str, Any]] = []

    def remember(_connection: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        sent.append((statement, values))

    event.listen(warehouse.engine, "before_cursor_execute", remember)
    read_catalog(warehouse.rows, view, warehouse.dialect)
    event.remove(warehouse.engine, "before_cursor_execute", remember)
    candidates = {
        f"its {len(sent)} statements, bare": lambda: [bare.execute(*statement).fetchall() for statement in sent],
        "Warehouse.catalog(), nothing cached": lambda: read_catalog(warehouse.rows, view, warehouse.dialect),
    }
    show("Catalog: blanks, ranges and top values of every column", compare(candidates, rounds=5))


def one_customer(warehouse: Warehouse, bare: duckdb.DuckDBPyConnection) -> None:
    numbers = count()
    memory = FeatureStore(warehouse, MemoryCache(CUSTOMERS, 3600))
    memory.get("C7")

    def query() -> object:
        statement = "SELECT * FROM customer_features_view WHERE customer_id = ?"
        return bare.execute(statement, [f"C{next(numbers)}"]).fetchall()

    candidates = {
        "SELECT * … WHERE customer_id = ?, bare": query,
        "FeatureStore.get, not cached": lambda: memory.get(f"C{next(numbers)}"),
        "FeatureStore.get, cached in memory": lambda: memory.get("C7"),
    }
    with redis_server() as url:
        if url:
            shared = FeatureStore(warehouse, RedisCache(url, 3600))
            candidates["FeatureStore.get, cached in Redis"] = lambda: shared.get("C7")
        show("One customer", compare(candidates, rounds=40))


def many_customers(warehouse: Warehouse, bare: duckdb.DuckDBPyConnection) -> None:
    places = count(step=1000)
    statement = f"SELECT * FROM customer_features_view WHERE customer_id IN ({', '.join('?' * 1000)})"

    def ids() -> list[str]:
        start = next(places)
        return [f"C{(start + 997 * number) % CUSTOMERS}" for number in range(1000)]

    cold = FeatureStore(warehouse, MemoryCache(CUSTOMERS, 3600))
    warm = FeatureStore(warehouse, MemoryCache(CUSTOMERS, 3600))
    known = ids()
    warm.get_many(known)
    candidates = {
        "SELECT * … WHERE customer_id IN (1,000 ×?), bare": lambda: bare.execute(statement, ids()).fetchall(),
        "FeatureStore.get_many(1,000), not cached": lambda: cold.get_many(ids()),
        "FeatureStore.get_many(1,000), cached in memory": lambda: warm.get_many(known),
    }
    show("A thousand customers", compare(candidates, rounds=20))


def stream(warehouse: Warehouse, bare: duckdb.DuckDBPyConnection) -> None:
    names = ["customer_id", *(f"number_{n}" for n in range(5))]
    view = warehouse.features
    statement = f"SELECT {', '.join(names)} FROM customer_features_view"
    select = sa.select(*(view.c[name] for name in names))
    candidates = {
        "DuckDB's own Arrow reader": lambda: sum(b.num_rows for b in bare.execute(statement).to_arrow_reader(65_536)),
        "Warehouse.stream_arrow": lambda: sum(b.num_rows for b in warehouse.stream_arrow(select)),
        "Warehouse.fetch_arrow": lambda: warehouse.fetch_arrow(select).num_rows,
    }
    show(f"{CUSTOMERS:,} rows × {len(names)} columns as Arrow", compare(candidates, rounds=9))


@contextmanager
def redis_server() -> Iterator[str | None]:
    """A Redis server for the benchmark; None if none is installed."""
    beside_python = Path(sys.executable).parent / "redis-server"
    binary = str(beside_python) if beside_python.exists() else shutil.which("redis-server")
    if binary is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    with closing(redis.Redis(port=port, retry=None)) as client:
        while time.monotonic() < deadline:
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.05)


if __name__ == "__main__":
    main()
