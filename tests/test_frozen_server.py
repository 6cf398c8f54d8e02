"""A frozen PostgreSQL accepts connections and never answers: every call ends, and works again after the thaw."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from loyalty_core.errors import LoyaltyError, QueryTimeout, StateStoreUnavailable, WarehouseUnavailable
from loyalty_core.services import get_services
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore, audit
from loyalty_core.warehouse import FeatureStore, Warehouse
from tests.fixtures.warehouses import CUSTOMERS, PostgresDatabase
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fixtures.api import Ask
    from tests.servers import PostgresServer
    from tests.workbench import Configure

pytestmark = pytest.mark.extended

SECONDS = 60.0
LIMITS: Any = {"dwh_connect_timeout_seconds": 3, "dwh_statement_timeout_seconds": 5}
MARKED = "SELECT 'frozen while it runs'"
MANY = sa.text("SELECT n, repeat('x', 1000) AS padding FROM generate_series(1, 300000) AS n").columns(
    n=sa.Integer, padding=sa.Text
)


class Call:
    """Runs in a thread until it has to wait for the frost, then on to its `outcome`: an answer or an error."""

    def __init__(self, ask: Callable[[Call], Any]) -> None:
        self.outcome: Any = None
        self._is_ready, self._is_frozen = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self._thread.start()

    def wait_for_frost(self) -> None:
        """Called by the call itself, where it may go on once the server is frozen."""
        self._is_ready.set()
        assert self._is_frozen.wait(SECONDS)

    def wait_until_ready(self) -> None:
        assert self._is_ready.wait(SECONDS)

    def go_on(self) -> None:
        """Let it meet the frozen server."""
        self._is_frozen.set()

    def has_ended(self) -> bool:
        self._thread.join(SECONDS)
        return not self._thread.is_alive()

    def _run(self, ask: Callable[[Call], Any]) -> None:
        try:
            self.outcome = ask(self)
        except LoyaltyError as error:
            self.outcome = error
        finally:
            self._is_ready.set()


class Product:
    """A warehouse and a state store on one server, each with a connection in its pool."""

    def __init__(self, url: str) -> None:
        self.warehouse = Warehouse(Settings(dwh_url=url, **LIMITS))
        self.store = StateStore(url, timeout_seconds=3)
        self.store.migrate()
        wait_until(self.works)

    def works(self) -> bool:
        try:
            assert FeatureStore(self.warehouse).get("C1")["city"] == "Oslo"
            assert self.warehouse.fetch_arrow(sa.select(self.warehouse.features)).num_rows == 4
            with self.store.session() as session:
                audit.record(session, actor="ann", action="used", subject_kind="test", subject_id="1")
        except LoyaltyError:  # a slow machine
            return False
        return True

    def close(self) -> None:
        self.warehouse.close()
        self.store.close()

    def read(self, call: Call) -> Any:
        def freeze(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if statement == MARKED:
                call.wait_for_frost()

        event.listen(self.warehouse.engine, "before_cursor_execute", freeze)
        return self.warehouse.rows(sa.text(MARKED))

    def read_from_the_pool(self, call: Call) -> Any:
        call.wait_for_frost()
        return self.warehouse.rows(sa.text("SELECT 1"))

    def read_the_columns(self, call: Call) -> Any:
        call.wait_for_frost()
        return self.warehouse.catalog()

    def connect(self, call: Call) -> Any:
        with closing(Warehouse(self.warehouse.settings)) as warehouse:
            call.wait_for_frost()
            return warehouse.features

    def stream(self, call: Call) -> Any:
        with closing(self.warehouse.stream_arrow(sa.select(MANY.subquery()), 1_000)) as batches:
            next(batches)
            call.wait_for_frost()
            return sum(batch.num_rows for batch in batches)

    def write_predictions(self, call: Call) -> Any:
        batch = pa.record_batch({"customer_id": ["C1"]})
        with self.warehouse.dialect.predictions.destination(self.warehouse).open(batch.schema) as write:
            write(batch)
            call.wait_for_frost()
            write(batch)

    def check_the_warehouse(self, call: Call) -> Any:
        call.wait_for_frost()
        return self.warehouse.health().error

    def read_the_store(self, call: Call) -> Any:
        call.wait_for_frost()
        with self.store.session(read_only=True) as session:
            return audit.recent(session)

    def save(self, call: Call) -> Any:
        with self.store.session() as session:
            audit.record(session, actor="ann", action="saved", subject_kind="test", subject_id="1")
            session.flush()
            call.wait_for_frost()

    def stage(self, call: Call) -> Any:
        with self.store.connection() as connection:
            staging = self.store.dialect.staging(connection)
            with self.store.outages(self.store.dialect.driver_error):
                staging.open()
                call.wait_for_frost()
                staging.add(["C1"])

    def check_the_store(self, call: Call) -> Any:
        call.wait_for_frost()
        health = self.store.health()
        return health.ok or StateStoreUnavailable(health.detail, remedy=health.remedy)


UNAVAILABLE = {
    Product.read: WarehouseUnavailable,
    Product.read_from_the_pool: WarehouseUnavailable,
    Product.read_the_columns: WarehouseUnavailable,
    Product.connect: WarehouseUnavailable,
    Product.stream: QueryTimeout,
    Product.write_predictions: WarehouseUnavailable,
    Product.check_the_warehouse: WarehouseUnavailable,
    Product.read_the_store: StateStoreUnavailable,
    Product.save: StateStoreUnavailable,
    Product.stage: StateStoreUnavailable,
    Product.check_the_store: StateStoreUnavailable,
}


@pytest.fixture(scope="module")
def outcomes(postgres_server: PostgresServer) -> Iterator[dict[Any, Any]]:
    """Every kind of call, of which each met a frozen server, and what came of it before the thaw."""
    with postgres_server.database() as url:
        PostgresDatabase(url).execute(CUSTOMERS)
        product = Product(url)
        before = set(threading.enumerate())
        calls = {ask: Call(lambda call, ask=ask: ask(product, call)) for ask in UNAVAILABLE}
        for call in calls.values():
            call.wait_until_ready()
        with postgres_server.frozen():
            for call in calls.values():
                call.go_on()
            ended = {ask: call.has_ended() for ask, call in calls.items()}
        wait_until(product.works)
        wait_until(lambda: set(threading.enumerate()) <= before)
        yield {ask: calls[ask].outcome if ended[ask] else "still waiting" for ask in calls} | {"product": product}
        product.close()


@pytest.mark.parametrize("ask", UNAVAILABLE, ids=lambda ask: ask.__name__)
def test_a_call_ends_by_itself_and_says_what_to_do(outcomes: dict[Any, Any], ask: Any):
    error = outcomes[ask]
    assert type(error) is UNAVAILABLE[ask], error
    assert error.remedy


def test_a_save_without_an_answer_is_not_said_to_have_failed(outcomes: dict[Any, Any]):
    assert "it may be saved or not" in str(outcomes[Product.save])


def test_after_the_thaw_no_connection_is_in_use(outcomes: dict[Any, Any]):
    product = outcomes["product"]
    pools = [product.warehouse.engine.pool, product.store.engine.pool]
    assert [pool.checkedout() for pool in pools] == [0, 0]


def test_requests_end_with_503(postgres_server: PostgresServer, postgres_database: str, configure: Configure, ask: Ask):
    PostgresDatabase(postgres_database).execute(CUSTOMERS)
    configure(dwh_url=postgres_database, state_database_url=postgres_database, **LIMITS)
    get_services().prepare_store()
    paths = ["/health/ready/", "/dwh/columns/", "/dwh/customers/C1/", "/dwh/customers/?q=C", "/segments/"]

    def answer(call: Call, path: str) -> Any:
        call.wait_for_frost()
        return ask(path)

    calls = [Call(lambda call, path=path: answer(call, path)) for path in paths * 2]
    for call in calls:
        call.wait_until_ready()
    with postgres_server.frozen():
        for call in calls:
            call.go_on()
        ended = [call.has_ended() for call in calls]
    assert ended == [True] * len(calls)
    assert [call.outcome.status_code for call in calls] == [503] * len(calls)
    wait_until(lambda: {ask(path).status_code for path in paths} == {200})
