"""A database tried before it is connected: its tables, one view's columns, first rows, and what models could learn."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import sqlalchemy as sa

from loyalty_core.access import Action, require
from loyalty_core.errors import LoyaltyError, SettingsError
from loyalty_core.loading.inspection import suggest_from_rows
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings, with_driver, with_password, without_secrets
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.mapping import resolve_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loyalty_core.loading.feature_suggestion import LeftOut

PREVIEW_ROWS = 10
# What the models could learn from is suggested from so many rows.
SAMPLE_ROWS = 10_000
_MAX_TABLES = 500
_SECONDS = 15
_SYSTEM_SCHEMAS = frozenset(("information_schema", "pg_catalog", "pg_toast", "sys"))
_SYSTEM_CATALOGS = frozenset(("system", "temp"))  # of DuckDB


@dataclass(frozen=True)
class DatabaseAddress:
    """Where a database is; never shown with its password, which may also be named by an environment variable."""

    url: str
    password_variable: str = ""

    @property
    def title(self) -> str:
        """The address without its password and driver."""
        url = with_driver(self.url)
        return without_secrets(url.set(drivername=url.get_backend_name(), password=None))

    @property
    def settings(self) -> dict[str, str]:
        """For `Connections.add`. Raises `SettingsError` for an address that cannot be used."""
        url = with_driver(self.url)
        if self.password_variable and url.password:
            raise SettingsError(
                "There are two passwords: one in the address, and one in an environment variable.",
                remedy="Give it once.",
            )
        named = {"password_variable": self.password_variable} if self.password_variable else {}
        return {"dwh_url": url.render_as_string(hide_password=False), **named}


@dataclass(frozen=True)
class ViewFound:
    """A view as it would be read: `statement` gives the `preview`; the mapping is None where the standard one fits."""

    columns: Mapping[str, str]
    statement: str
    preview: Sequence[Mapping[str, Any]]
    mapping: Mapping[str, str] | None
    left_out: Sequence[LeftOut]


def list_tables(address: DatabaseAddress) -> list[str]:
    """The names of tables and views, as settings take them; at most 500. Raises errors that say what is wrong."""
    require(Action.CONNECT_DATA)
    with _said_of_the_address(), closing(Warehouse(_trial(address))) as warehouse:
        return warehouse.ask(_tables)[:_MAX_TABLES]


def try_view(address: DatabaseAddress, view: str, id_column: str) -> ViewFound:
    """Read the first rows of a view, and suggest what models could learn from. Raises errors that say what is wrong."""
    require(Action.CONNECT_DATA)
    settings = _trial(address, dwh_customer_features_table=view, dwh_customer_id_column=id_column)
    with _said_of_the_address(), closing(Warehouse(settings)) as warehouse:
        table = warehouse.features
        select = sa.select(*table.columns).limit(PREVIEW_ROWS)
        statement = str(select.compile(warehouse.engine, compile_kwargs={"literal_binds": True}))
        if warehouse.engine.dialect.paramstyle in {"format", "pyformat"}:
            statement = statement.replace("%%", "%")  # doubled for the driver
        names = list(table.columns.keys())
        preview = warehouse.rows(select)
        standard = resolve_mapping(DEFAULT_FEATURE_MAPPING, names)
        mapping, left_out = None, ()
        if any(one.column is None for one in standard):
            sample = warehouse.fetch_arrow(sa.select(*table.columns).limit(SAMPLE_ROWS))
            with duckdb.connect() as connection:
                suggestion = suggest_from_rows(connection, sample, id_column)
            mapping, left_out = suggestion.features, suggestion.left_out
        types = {column.name: str(column.type) for column in table.columns}
        return ViewFound(types, statement, preview, mapping, left_out)


def columns_of(address: DatabaseAddress, view: str) -> list[str]:
    """The names of a view's columns."""
    require(Action.CONNECT_DATA)
    with _said_of_the_address(), closing(Warehouse(_trial(address))) as warehouse:
        return list(warehouse.table(view).columns.keys())


@contextmanager
def _said_of_the_address() -> Iterator[None]:
    """Errors name the address that was entered, not the setting that the app would read it from."""
    try:
        yield
    except LoyaltyError as error:
        error.remedy = error.remedy.replace("DWH_URL", "the address")
        raise


def _trial(address: DatabaseAddress, **values: str) -> Settings:
    """Settings that wait no longer than somebody at a screen does."""
    url = with_password(address.settings)["dwh_url"]
    return Settings(
        **{
            "dwh_url": url,
            "dwh_statement_timeout_seconds": _SECONDS,
            "dwh_connect_timeout_seconds": 5,
            "dwh_pool_size": 1,
            **values,
        }
    )


def _tables(connection: sa.Connection) -> list[str]:
    inspector = sa.inspect(connection)
    default = inspector.default_schema_name
    found: list[str] = []
    for schema in inspector.get_schema_names():
        catalog, _, plain = schema.rpartition(".")
        if plain.lower() in _SYSTEM_SCHEMAS or catalog in _SYSTEM_CATALOGS:
            continue
        names = [*inspector.get_view_names(schema), *inspector.get_table_names(schema)]
        is_default = default in (schema, plain)
        found += [_written(name) if is_default else f"{schema}.{_written(name)}" for name in names]
    return sorted(dict.fromkeys(found), key=_place_in_list)


def _place_in_list(name: str) -> tuple[bool, bool, bool, str]:
    """The likeliest view of features first, histories last."""
    return name.endswith("_history"), "features" not in name, "customer" not in name, name


def _written(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if "." in name or '"' in name else name
