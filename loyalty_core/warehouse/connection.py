"""The customer's data warehouse over SQLAlchemy: read only, one pooled engine per process."""

import hashlib
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from cachetools import TTLCache
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.sql.selectable import NamedFromClause

from loyalty_core.cancellation import cancellable
from loyalty_core.errors import ViewUnusable
from loyalty_core.memory_only import about_to_wait, look_once
from loyalty_core.settings import Settings, get_settings, with_driver, without_secrets
from loyalty_core.warehouse.columns import Catalog, Column, read_catalog
from loyalty_core.warehouse.dialects import Dialect, dialect_of
from loyalty_core.warehouse.engine import file_identity, is_idle
from loyalty_core.warehouse.failures import readable_errors
from loyalty_core.warehouse.features_view import is_unchanged, require_id_column, shape_of
from loyalty_core.warehouse.identity import DataIdentity, identify
from loyalty_core.warehouse.reflection import reflect_table
from loyalty_core.warehouse.statements import Row, Statements, WarehouseHealth
from loyalty_core.warehouse.turns import Turns
from loyalty_core.warehouse.unrestricted import Unrestricted

__all__ = ["Relation", "Row", "Warehouse", "WarehouseHealth"]

# Each warehouse of a process counts from elsewhere: what is cached of one is never taken for that of another.
_FIRST_REVISIONS = itertools.count(step=1_000_000)

# A table or view, or the part of it that may be seen.
Relation = NamedFromClause


class Warehouse(Unrestricted, Statements):
    """Reads the features view and the tables around it; `revision` grows whenever what was read may be stale.

    Whoever asks about customers reads `features`, `predictions` and `table`: for a viewer who may not see everything
    these are restricted (`RestrictedWarehouse`), and so is every figure that comes from them.

    Every method raises `WarehouseUnavailable`, `ViewUnusable` or `QueryTimeout`, and works again once the cause is
    removed. A query that the database interrupts is repeated once.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or get_settings()
        self.url = with_driver(self.settings.dwh_url)
        self.dialect = dialect_of(self.url.get_backend_name())
        self._revision = next(_FIRST_REVISIONS)
        self._lock = threading.RLock()
        # Separate, since reading takes long and no other caller should wait for it.
        self._view_turns, self._catalog_turns = Turns(), Turns()
        self._file = self.dialect.file_of(self.url)
        self._file_identity: tuple[int, ...] | None = None
        self._engine: sa.Engine | None = None
        self._features: sa.Table | None = None
        # The last that was found, whose object is used again where the view is found unchanged.
        self._last_features: sa.Table | None = None
        self._fingerprint = ""
        self._catalog: tuple[float, Catalog] | None = None
        self._predictions: TTLCache[None, sa.FromClause] = TTLCache(1, self.dialect.predictions.cached_seconds)
        self._identity: DataIdentity | None = None

    @property
    def whole(self) -> "Warehouse":
        """With every customer and every value, for what is the same for all viewers, such as RFM cut points."""
        return self

    @property
    def unmasked(self) -> "Warehouse":
        """The same customers with every value; for models, never for showing values."""
        return self

    @property
    def unguarded(self) -> "Warehouse":
        """Reads for figures that name no group below `smallest_group`; whoever uses it hides those that do."""
        return self

    @property
    def revision(self) -> int:
        """A number that grows whenever what was read may be stale."""
        return self._revision

    @property
    def cache_key(self) -> str:
        """Identifies in caches what was read: it changes with the revision, and differs between viewers' scopes."""
        return str(self.revision)

    @property
    def engine(self) -> sa.Engine:
        """The pooled engine; reopened when the embedded file was replaced by another one."""
        identity = self._identify_file()
        # Without the lock, which is held while a connection to a file is opened; in the order in which they are set.
        if identity == self._file_identity and (engine := self._engine) is not None:
            return engine
        about_to_wait()
        with self._lock:
            engine = self._engine
            # DuckDB gives new connections the old file while any old connection is open, so wait until none is in use.
            if engine is None or (identity != self._file_identity and is_idle(engine)):
                self.close()
                self.forget()
                engine = self._engine = self.dialect.open_engine(self.url, self.settings)
                self._file_identity = identity
            return engine

    @property
    def features(self) -> Relation:
        """The features view, reflected; raises `ViewUnusable` when missing or without the id column.

        A statement is made of one reading of it: the next one may be of another view.
        """
        return self._reflected()

    def _reflected(self) -> sa.Table:
        return look_once(self, self._read_features)

    def _read_features(self) -> sa.Table:
        _ = self.engine  # notices a replaced file
        if (found := self._features) is not None:
            return found
        with self._view_turns.turn():
            while (found := self._features) is None:
                revision, reflected = self.revision, self._reflect_features()
                with self._lock:
                    if revision == self.revision:
                        self._remember(reflected)
        return found

    def _remember(self, view: sa.Table) -> None:
        last = self._last_features
        self._features = self._last_features = last if last is not None and is_unchanged(last, view) else view
        self._fingerprint = self._fingerprint_of(view)

    @property
    def customer_id(self) -> KeyedColumnElement[Any]:
        """The column that identifies a customer."""
        return self.id_of(self.features)

    def id_of(self, view: sa.FromClause) -> KeyedColumnElement[Any]:
        """The column of one reading of the features view that identifies a customer."""
        return view.c[self.settings.dwh_customer_id_column]

    @property
    def predictions(self) -> sa.FromClause | None:
        """The last scoring run's predictions, to be joined with `features` on customer_id; None before the first."""
        with self._lock:
            found = self._predictions.get(None)
        if found is None:
            found = self.dialect.predictions.read(self)
            if found is not None:
                with self._lock:
                    self._predictions[None] = found
        return found

    @property
    def fingerprint(self) -> str:
        """Short text that changes when the warehouse, the embedded file or the shape of the view changes."""
        _ = self.features
        return self._fingerprint

    @property
    def identity(self) -> DataIdentity:
        """The identity of the data: what was derived from it carries the identity, and is not used with other data."""
        _ = self.features  # notices a replaced file
        if (found := self._identity) is not None:
            return found
        about_to_wait()
        with self._lock:
            revision, found = self.revision, self._identity
            # Modification time and size only: a restored or remounted file holds the same data.
            state = self._file_identity and self._file_identity[2:]
        if found is None:
            found = identify(self, state)
            with self._lock:
                if revision == self.revision:
                    self._identity = found
        return found

    def columns(self) -> list[Column]:
        """Every column of the features view with kind, group, label and statistics; cached."""
        return list(self.catalog().columns)

    def catalog(self) -> Catalog:
        """The columns with the number of customers; read again, shape included, after `DWH_CATALOG_TTL_SECONDS`."""
        with self._catalog_turns.turn():
            _ = self.features
            cached = self._catalog
            if cached and time.monotonic() <= cached[0]:
                return cached[1]
            if cached:
                self._forget_if_reshaped()
            revision = self.revision
            with cancellable(None):  # every page needs it, also the one that the viewer goes to
                catalog = self._read_catalog()
            with self._lock:
                if revision == self.revision:
                    self._catalog = time.monotonic() + self.settings.dwh_catalog_ttl_seconds, catalog
            return catalog

    def _read_catalog(self) -> Catalog:
        view = self._reflected()
        return read_catalog(self.rows, view, self.dialect, unreadable=view.info["unreadable"])

    def table(self, name: str) -> Relation:
        """Reflect any table or view by its name as written in the settings; raises `ViewUnusable` when missing.

        Many warehouses lack an optional table: that says nothing about the features view, which is not read again.
        """
        found = self.ask(lambda connection: _reflected_or_why_not(connection, name, self.dialect))
        if isinstance(found, ViewUnusable):
            raise found
        return found

    def _reflect(self, name: str) -> sa.Table:
        return self.ask(lambda connection: reflect_table(connection, name, self.dialect.unreadable))

    def forget(self) -> None:
        """Forget what is known of the view, so that it is read again."""
        with self._lock:
            self._features = None
            self._catalog = None
            self._predictions.clear()
            self._identity = None
            self._revision += 1

    def _forget_if_reshaped(self) -> None:
        """Read the view's columns again; while they are unchanged, the table object stays the one that others hold."""
        found = self._reflect_features()
        with self._lock:
            if self._fingerprint_of(found) != self._fingerprint:
                self.forget()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _reflect_features(self) -> sa.Table:
        name, identifier = self.settings.dwh_customer_features_table, self.settings.dwh_customer_id_column
        view = self._reflect(name)
        require_id_column(view, name, identifier, may_be_untyped=self.dialect.has_untyped_columns)
        return view

    def _fingerprint_of(self, view: sa.Table) -> str:
        facts = (without_secrets(self.url), view.fullname, shape_of(view), self._file_identity)
        return hashlib.blake2s(repr(facts).encode(), digest_size=8).hexdigest()

    def _identify_file(self) -> tuple[int, ...] | None:
        file = self._file
        return None if file is None else look_once(file, lambda: file_identity(file))

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection from the pool; database errors in the block are raised as errors with a remedy."""
        with self._readable_errors(), self._connect() as connection:
            yield connection

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        about_to_wait()
        # An embedded file may only be reopened while no connection is being taken; servers are slow to give one.
        with self._lock if self._file else nullcontext(), self._readable_errors(connecting=True):
            connection = self.engine.connect()
        with connection:
            yield connection

    @contextmanager
    def _readable_errors(self, *, connecting: bool = False) -> Iterator[None]:
        limit = self.settings.dwh_statement_timeout_seconds
        try:
            with readable_errors(self.url, limit, connecting=connecting):
                yield
        except ViewUnusable:
            self.forget()
            raise


def _reflected_or_why_not(connection: sa.Connection, name: str, dialect: Dialect) -> sa.Table | ViewUnusable:
    try:
        return reflect_table(connection, name, dialect.unreadable)
    except ViewUnusable as error:
        return error
