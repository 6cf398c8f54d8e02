"""What SQLAlchemy has to know of Spark SQL: quoting, types, values and how tables are reflected.

A dialect of our own, since those of PyHive and Databricks are made for other servers or earlier versions of SQLAlchemy.
"""

# SQLAlchemy declares the methods of dialects more narrowly than it calls them.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import reflection
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchTableError
from sqlalchemy.sql.compiler import DDLCompiler, IdentifierPreparer, SQLCompiler

from loyalty_core.warehouse.spark.literals import literal
from loyalty_core.warehouse.spark.types import COLSPECS, SparkTypes, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse.spark.driver import Connection

AUTHENTICATIONS = ("NOSASL", "PLAIN", "LDAP", "GSSAPI")
# Of the query part of a URL.
_OPTIONS = frozenset({"auth", "kerberos_service", "ssl", "ca_cert"})
_NO_SUCH_TABLE = frozenset({"42P01", "42704", "3F000"})


class SparkPreparer(IdentifierPreparer):
    """Backticks around every name; a schema may be catalog.schema."""

    def __init__(self, dialect: Any) -> None:
        super().__init__(dialect, initial_quote="`", escape_quote="`")

    def _requires_quotes(self, value: str) -> bool:
        del value
        return True

    def quote_schema(self, schema: str) -> str:
        return ".".join(self.quote_identifier(part) for part in schema.split("."))


class SparkCompiler(SQLCompiler):
    """Standard SQL, apart from what is here."""

    def limit_clause(self, select: Any, **options: Any) -> str:
        written = ""
        if select._limit_clause is not None:
            written += f"\n LIMIT {self.process(select._limit_clause, **options)}"
        if select._offset_clause is not None:
            written += f"\n OFFSET {self.process(select._offset_clause, **options)}"
        return written

    def visit_empty_set_expr(self, element_types: Any, **_: Any) -> str:
        return f"SELECT {', '.join('NULL' for _ in element_types)} WHERE 1 != 1"


class SparkTableDefinitions(DDLCompiler):
    """CREATE TABLE with the format that `spark_using` names."""

    def post_create_table(self, table: Any) -> str:
        using = table.dialect_options["spark"]["using"]
        return f" USING {using}" if using else ""


class SparkDialect(DefaultDialect):
    """spark://user:password@host:10000/database?auth=NOSASL, by the driver beside this module."""

    name = "spark"
    driver = "thrift"
    statement_compiler = SparkCompiler
    type_compiler_cls = SparkTypes
    ddl_compiler = SparkTableDefinitions
    preparer = SparkPreparer
    default_paramstyle = "pyformat"
    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_alter = False
    supports_default_values = False
    supports_multivalues_insert = True
    supports_sane_rowcount = False
    supports_sane_multi_rowcount = False
    postfetch_lastrowid = False
    div_is_floordiv = False
    requires_name_normalize = False
    returns_native_bytes = True
    construct_arguments = [(sa.Table, {"using": None})]  # noqa: RUF012 - as SQLAlchemy declares it
    colspecs = COLSPECS
    # What our statements rely on, whatever the server's defaults are.
    session_settings = (
        "SET spark.sql.session.timeZone=UTC",
        "SET spark.sql.parser.escapedStringLiterals=false",
        "SET spark.sql.ansi.enabled=true",
        "SET spark.sql.ansi.doubleQuotedIdentifiers=false",
        # Deriving conditions from nested CASE expressions takes minutes where running them takes a second.
        "SET spark.sql.constraintPropagation.enabled=false",
    )

    @classmethod
    def import_dbapi(cls) -> Any:
        from loyalty_core.warehouse.spark import driver  # noqa: PLC0415 - its packages are an optional extra

        return driver

    def create_connect_args(self, url: sa.URL) -> Any:
        if unknown := sorted(set(url.query) - _OPTIONS):
            raise ArgumentError(f"spark:// has no option {unknown[0]}; it has {', '.join(sorted(_OPTIONS))}.")
        options = {name: str(value) for name, value in url.query.items()}
        auth = options.get("auth", "PLAIN").upper()
        if auth not in AUTHENTICATIONS:
            raise ArgumentError(f"auth is one of {', '.join(AUTHENTICATIONS)}, not {auth}.")
        arguments = {
            "host": url.host or "localhost",
            "port": url.port or 10000,
            "user": url.username or "",
            "password": url.password,
            "auth": auth,
            "kerberos_service": options.get("kerberos_service", "hive"),
            "use_ssl": options.get("ssl", "false").lower() in {"true", "1", "yes"},
            "ca_cert": options.get("ca_cert"),
        }
        self._database = url.database
        return (), arguments

    def connect(self, *arguments: Any, **options: Any) -> Connection:
        return self.loaded_dbapi.connect(self.loaded_dbapi.Server(*arguments, **options))

    def on_connect(self) -> Callable[[Connection], None]:
        use = [f"USE {self.identifier_preparer.quote_schema(self._database)}"] if self._database else []

        def prepare(connection: Connection) -> None:
            cursor = connection.cursor()
            for statement in (*self.session_settings, *use):
                cursor.execute(statement)

        return prepare

    def do_execute(self, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        cursor.execute(statement % {name: literal(value) for name, value in (parameters or {}).items()})

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        for one in parameters:
            self.do_execute(cursor, statement, one)

    def do_execute_no_params(self, cursor: Any, statement: str, *_: Any) -> None:
        cursor.execute(statement)

    def do_ping(self, dbapi_connection: Any) -> bool:
        return dbapi_connection.is_usable and dbapi_connection.ping()

    def is_disconnect(self, e: Exception, *_: Any) -> bool:
        return isinstance(e, self.loaded_dbapi.ConnectionLost)

    def _get_server_version_info(self, connection: sa.Connection) -> None:
        """Asked only where it is shown."""

    def _get_default_schema_name(self, connection: sa.Connection) -> str:
        return connection.exec_driver_sql("SELECT current_database()").scalar_one()

    def has_table(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> bool:
        try:
            self._described(connection, table_name, schema)
        except NoSuchTableError:
            return False
        return True

    def get_columns(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> list[Any]:
        return [
            {
                "name": row.col_name,
                "type": type_of(row.data_type),
                "nullable": True,
                "default": None,
                "comment": row.comment or None,
            }
            for row in self._described(connection, table_name, schema)
        ]

    @reflection.cache
    def get_table_names(self, connection: sa.Connection, schema: str | None = None, **kw: Any) -> list[str]:
        views = set(self.get_view_names(connection, schema, **kw))
        return [row.tableName for row in self._shown(connection, "TABLES", schema) if row.tableName not in views]

    @reflection.cache
    def get_view_names(self, connection: sa.Connection, schema: str | None = None, **_: Any) -> list[str]:
        return [row.viewName for row in self._shown(connection, "VIEWS", schema)]

    def get_pk_constraint(self, *_: Any, **__: Any) -> Any:
        return {"constrained_columns": [], "name": None}

    def get_foreign_keys(self, *_: Any, **__: Any) -> Any:
        return []

    def get_indexes(self, *_: Any, **__: Any) -> Any:
        return []

    def _described(self, connection: sa.Connection, table_name: str, schema: str | None) -> list[Any]:
        place = self.identifier_preparer.quote_identifier(table_name)
        if schema:
            place = f"{self.identifier_preparer.quote_schema(schema)}.{place}"
        try:
            rows = self._run(connection, f"DESCRIBE TABLE {place}")
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") in _NO_SUCH_TABLE:
                raise NoSuchTableError(table_name) from error
            raise
        names = [row.col_name for row in rows]
        # After the columns, partitioned tables repeat those that they are partitioned by.
        end = next((place for place, name in enumerate(names) if not name or name.startswith("# ")), len(names))
        return rows[:end]

    def _shown(self, connection: sa.Connection, kind: str, schema: str | None) -> list[Any]:
        within = f" IN {self.identifier_preparer.quote_schema(schema)}" if schema else ""
        return self._run(connection, f"SHOW {kind}{within}")

    def _run(self, connection: sa.Connection, statement: str) -> list[Any]:
        return list(connection.exec_driver_sql(statement, execution_options={"no_parameters": True}))
