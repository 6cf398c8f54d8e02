"""What is known of Spark without a server: values as SQL, types, addresses."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DataError

from loyalty_core.settings import with_driver
from loyalty_core.warehouse.dialects import dialect_of
from loyalty_core.warehouse.spark.literals import literal
from loyalty_core.warehouse.spark.sqlalchemy_dialect import SparkDialect
from loyalty_core.warehouse.spark.types import type_of

WRITTEN: list[tuple[Any, str]] = [
    (None, "NULL"),
    (True, "TRUE"),
    (7, "7"),
    (2**31, "2147483648L"),
    (-(2**63), "-9223372036854775808L"),
    (2**63, "CAST('9223372036854775808' AS DECIMAL(19, 0))"),
    (0.1, "0.1D"),
    (-0.0, "-0.0D"),
    (1e300, "1e+300D"),
    (math.inf, "CAST('Infinity' AS DOUBLE)"),
    (-math.inf, "CAST('-Infinity' AS DOUBLE)"),
    (math.nan, "CAST('NaN' AS DOUBLE)"),
    (Decimal("-10.50"), "CAST('-10.50' AS DECIMAL(4, 2))"),
    (Decimal("0.001"), "CAST('0.001' AS DECIMAL(3, 3))"),
    (Decimal(10) ** 50, "1e+50D"),
    ("o'Å\\\n%", "'o\\'Å\\\\\\n%'"),
    (date(2020, 2, 29), "DATE '2020-02-29'"),
    (datetime(1, 1, 1), "TIMESTAMP_NTZ '0001-01-01 00:00:00'"),
    (datetime(2024, 5, 6, 7, 8, 9, 12, UTC), "TIMESTAMP '2024-05-06 07:08:09.000012Z'"),
    (datetime(2024, 5, 6, 1, tzinfo=timezone(timedelta(hours=2))), "TIMESTAMP '2024-05-05 23:00:00Z'"),
    (b"\x00\xff", "X'00ff'"),
    (np.float64(2.5), "2.5D"),
]


@pytest.mark.parametrize(("value", "written"), WRITTEN, ids=[written for _, written in WRITTEN])
def test_values_are_written_out(value: Any, written: str):
    assert literal(value) == written


def test_a_value_without_a_literal_is_refused():
    with pytest.raises(DataError, match="no literal for a value of type set"):
        literal({1})


def test_a_statement_has_its_values_and_quoted_names():
    column = sa.column("odd`%name", sa.Text())
    statement = sa.select(column).where(column.in_(["a%", "it's"]))
    sent: list[str] = []

    class Cursor:
        def execute(self, written: str) -> None:
            sent.append(written)

    compiled = statement.compile(dialect=SparkDialect(), compile_kwargs={"render_postcompile": True})
    SparkDialect().do_execute(Cursor(), str(compiled), compiled.params)
    assert sent == ["SELECT `odd``%name` \nWHERE `odd``%name` IN ('a%', 'it\\'s')"]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("decimal(12,2)", sa.Numeric(12, 2)),
        ("varchar(40)", sa.String(40)),
        ("timestamp", sa.DateTime(timezone=True)),
        ("timestamp_ntz", sa.DateTime()),
        ("string collate UTF8_LCASE", sa.types.NullType()),
        ("struct<a:int>", sa.types.NullType()),
    ],
)
def test_types(declared: str, expected: sa.types.TypeEngine[Any]):
    assert repr(type_of(declared)) == repr(expected)


def test_an_address():
    url = with_driver("spark://ana:s3cret@spark.example.com:10001/lake.loyalty?auth=ldap&ssl=true")
    assert dialect_of(url.get_backend_name()).title == "Spark"
    _, arguments = url.get_dialect()().create_connect_args(url)
    assert arguments == {
        "host": "spark.example.com",
        "port": 10001,
        "user": "ana",
        "password": "s3cret",
        "auth": "LDAP",
        "kerberos_service": "hive",
        "use_ssl": True,
        "ca_cert": None,
    }


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("auth=token", "auth is one of NOSASL, PLAIN, LDAP, GSSAPI, not TOKEN."), ("http=1", "no option http")],
)
def test_an_address_that_cannot_be_used(query: str, sentence: str):
    url = sa.make_url(f"spark://host/db?{query}")
    with pytest.raises(ArgumentError, match=sentence):
        SparkDialect().create_connect_args(url)
