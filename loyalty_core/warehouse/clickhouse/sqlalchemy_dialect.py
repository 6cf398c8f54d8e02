"""What SQLAlchemy has to know of ClickHouse: quoting, types, functions and how tables are reflected.

A dialect of our own, since that of clickhouse-sqlalchemy needs an earlier version of SQLAlchemy and a server.
"""

# SQLAlchemy declares the methods of dialects more narrowly than it calls them.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import ArgumentError, NoSuchTableError
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import DDLCompiler, IdentifierPreparer, SQLCompiler

from loyalty_core.warehouse.clickhouse.types import COLSPECS, ClickHouseTypes, type_of

if TYPE_CHECKING:
    from loyalty_core.warehouse.clickhouse.driver import Connection

_OPTIONS = frozenset({"database"})
_COMPARISONS = frozenset({operators.eq, operators.ne, operators.lt, operators.le, operators.gt, operators.ge})
_NOT_BELOW = {operators.ge: operators.lt, operators.gt: operators.le}
# Of standard SQL, in which ClickHouse differs by default.
_STANDARD = {
    "session_timezone": "UTC",
    "join_use_nulls": 1,
    "group_by_use_nulls": 1,
    "aggregate_functions_null_for_empty": 1,
    "prefer_column_name_to_alias": 1,
    "union_default_mode": "DISTINCT",
    "use_variant_as_common_type": 0,
}


class ClickHousePreparer(IdentifierPreparer):
    """Double quotes around every name, in which backslashes are escapes."""

    def _requires_quotes(self, value: str) -> bool:
        del value
        return True

    def _escape_identifier(self, value: str) -> str:
        return super()._escape_identifier(value.replace("\\", "\\\\"))


class ClickHouseCompiler(SQLCompiler):
    """Standard SQL, apart from what is here: functions that count characters, and those that have other names."""

    def limit_clause(self, select: Any, **options: Any) -> str:
        written = ""
        if select._limit_clause is not None:
            written += f"\n LIMIT {self.process(select._limit_clause, **options)}"
        if select._offset_clause is not None:
            written += f"\n OFFSET {self.process(select._offset_clause, **options)}"
        return written

    def visit_empty_set_expr(self, element_types: Any, **_: Any) -> str:
        return f"SELECT {', '.join('NULL' for _ in element_types)} WHERE 1 != 1"

    def visit_binary(self, binary: Any, *arguments: Any, **options: Any) -> str:
        """As elsewhere where ClickHouse differs: NaN is above all numbers, and decimals have many digits.

        Without the cast it raises for an integer that has too many digits for the decimal's own type.
        """
        left, right, operator = binary.left, binary.right, binary.operator
        if _is_double(left) and operator in _NOT_BELOW:
            return f"NOT ({super().visit_binary(sa.BinaryExpression(left, right, _NOT_BELOW[operator]), **options)})"
        if _is_decimal(left) and isinstance(right.type, sa.Integer) and operator in _COMPARISONS:
            binary = sa.BinaryExpression(left, sa.cast(right, sa.Numeric(38, 0)), operator)
        return super().visit_binary(binary, *arguments, **options)

    def visit_in_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
        del operator
        return f"{self._sought(binary, options)} IN {self.process(binary.right, **options)}"

    def visit_not_in_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
        del operator
        return f"({self._sought(binary, options)} NOT IN {self.process(binary.right, **options)})"

    def _sought(self, binary: Any, options: dict[str, Any]) -> str:
        """IN compares bits, so that it would not find -0.0 among zeros; and it takes what the left side can hold."""
        left, right = binary.left, binary.right
        written = self.process(left, **options)
        if _is_double(left) or _is_double(right):
            return f"({written} + 0.0)"
        if _is_decimal(left):
            return f"toDecimal256({written}, {left.type.scale or 0})"
        return f"toDecimal256({written}, 0)" if _is_decimal(right) else written

    def visit_cast(self, cast: Any, **options: Any) -> str:
        """A number as an integer, NULL where it is too large: CAST raises, for values behind a NULL as well."""
        if not isinstance(cast.type, sa.Integer) or isinstance(cast.clause.type, sa.String):
            return super().visit_cast(cast, **options)
        kind = self.dialect.type_compiler_instance.process(cast.type)
        return f"accurateCastOrNull(trunc({self.process(cast.clause, **options)}), '{kind}')"

    def visit_bitwise_and_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
        del operator
        return f"bitAnd({self.process(binary.left, **options)}, {self.process(binary.right, **options)})"

    def visit_ilike_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
        del operator
        return self._ilike(binary, "ILIKE", options)

    def visit_not_ilike_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
        del operator
        return self._ilike(binary, "NOT ILIKE", options)

    def _ilike(self, binary: Any, name: str, options: dict[str, Any]) -> str:
        left, right = self.process(binary.left, **options), self.process(binary.right, **options)
        escape = binary.modifiers.get("escape")
        return f"{left} {name} {right}" + (f" ESCAPE {self.render_literal_value(escape, sa.Text())}" if escape else "")

    def visit_lower_func(self, function: Any, **options: Any) -> str:
        return f"lowerUTF8{self.function_argspec(function, **options)}"

    def visit_upper_func(self, function: Any, **options: Any) -> str:
        return f"upperUTF8{self.function_argspec(function, **options)}"

    def visit_length_func(self, function: Any, **options: Any) -> str:
        return f"lengthUTF8{self.function_argspec(function, **options)}"

    visit_char_length_func = visit_length_func

    def visit_substr_func(self, function: Any, **options: Any) -> str:
        return f"substringUTF8{self.function_argspec(function, **options)}"

    visit_substring_func = visit_substr_func

    def visit_md5_func(self, function: Any, **options: Any) -> str:
        """In hexadecimal, as elsewhere."""
        return f"lower(hex(MD5{self.function_argspec(function, **options)}))"

    def visit_round_func(self, function: Any, **options: Any) -> str:
        """Halves away from zero, as elsewhere."""
        number = self.function_argspec(function, **options)
        return f"(sign{number} * floor(abs{number} + 0.5))"

    def visit_random_func(self, function: Any, **_: Any) -> str:
        del function
        return "rand64()"


class ClickHouseTableDefinitions(DDLCompiler):
    """CREATE TABLE as a file of rows in no order."""

    def post_create_table(self, table: Any) -> str:
        del table
        return " ENGINE = MergeTree ORDER BY tuple()"

    def get_column_specification(self, column: Any, **_: Any) -> str:
        return f"{self.preparer.format_column(column)} {self.dialect.type_compiler_instance.process(column.type)}"


class ChdbDialect(DefaultDialect):
    """clickhouse+chdb:////path/of/the/folder?database=name, by the driver beside this module."""

    name = "clickhouse"
    driver = "chdb"
    statement_compiler = ClickHouseCompiler
    type_compiler_cls = ClickHouseTypes
    ddl_compiler = ClickHouseTableDefinitions
    preparer = ClickHousePreparer
    default_paramstyle = "qmark"
    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_native_uuid = True
    supports_alter = False
    supports_default_values = False
    supports_multivalues_insert = True
    supports_sane_rowcount = False
    supports_sane_multi_rowcount = False
    postfetch_lastrowid = False
    div_is_floordiv = False
    requires_name_normalize = False
    colspecs = COLSPECS

    @classmethod
    def import_dbapi(cls) -> Any:
        import chdb  # noqa: F401, PLC0415 - an optional extra: without it, creating the engine fails  # pyright: ignore[reportMissingImports]

        from loyalty_core.warehouse.clickhouse import driver  # noqa: PLC0415

        return driver

    def create_connect_args(self, url: sa.URL) -> Any:
        if unknown := sorted(set(url.query) - _OPTIONS):
            raise ArgumentError(f"clickhouse+chdb:// has no option {unknown[0]}; it has {', '.join(_OPTIONS)}.")
        if url.host or not url.database:
            raise ArgumentError("clickhouse+chdb:// names a folder of this machine: clickhouse+chdb:////path/of/it.")
        return (), {"folder": Path(url.database), "database": str(url.query.get("database", ""))}

    def connect(self, *arguments: Any, is_read_only: bool = False, **options: Any) -> Connection:
        settings = _STANDARD | ({"readonly": 2} if is_read_only else {})
        return self.loaded_dbapi.connect(*arguments, settings=settings, **options)

    def do_ping(self, dbapi_connection: Any) -> bool:
        del dbapi_connection
        return True

    def _get_server_version_info(self, connection: sa.Connection) -> None:
        """Asked only where it is shown."""

    def _get_default_schema_name(self, connection: sa.Connection) -> str:
        return connection.exec_driver_sql("SELECT currentDatabase()").scalar_one()

    def has_table(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> bool:
        return table_name in self._names(connection, schema)

    def get_columns(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> list[Any]:
        statement = "SELECT name, type, comment FROM system.columns WHERE database = ? AND table = ? ORDER BY position"
        rows = connection.exec_driver_sql(statement, (schema or self.default_schema_name, table_name)).all()
        if not rows:
            raise NoSuchTableError(table_name)
        return [
            {"name": name, "type": type_of(kind), "nullable": True, "default": None, "comment": comment or None}
            for name, kind, comment in rows
        ]

    def get_table_names(self, connection: sa.Connection, schema: str | None = None, **_: Any) -> list[str]:
        return [name for name, is_view in self._names(connection, schema).items() if not is_view]

    def get_view_names(self, connection: sa.Connection, schema: str | None = None, **_: Any) -> list[str]:
        return [name for name, is_view in self._names(connection, schema).items() if is_view]

    def get_pk_constraint(self, *_: Any, **__: Any) -> Any:
        return {"constrained_columns": [], "name": None}

    def get_foreign_keys(self, *_: Any, **__: Any) -> Any:
        return []

    def get_indexes(self, *_: Any, **__: Any) -> Any:
        return []

    def _names(self, connection: sa.Connection, schema: str | None) -> dict[str, bool]:
        """The tables and views of a database, and whether each is a view."""
        statement = "SELECT name, engine IN ('View', 'MaterializedView') FROM system.tables WHERE database = ?"
        rows = connection.exec_driver_sql(statement, (schema or self.default_schema_name,))
        return {name: bool(is_view) for name, is_view in rows}


def _is_double(value: sa.ColumnElement[Any]) -> bool:
    return isinstance(_plain(value.type), sa.Float)


def _is_decimal(value: sa.ColumnElement[Any]) -> bool:
    return isinstance(_plain(value.type), sa.Numeric) and not _is_double(value)


def _plain(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind
