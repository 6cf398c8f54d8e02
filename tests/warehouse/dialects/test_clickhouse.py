"""What is known of ClickHouse without chDB: types, quoting, addresses, and SQL that differs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from loyalty_core.warehouse.clickhouse.sqlalchemy_dialect import ChdbDialect
from loyalty_core.warehouse.clickhouse.types import type_of

double, whole, amount, text = (
    sa.column(name, kind)
    for name, kind in (("d", sa.Double()), ("n", sa.Integer()), ("a", sa.Numeric(12, 2)), ("t", sa.Text()))
)


def written(expression: sa.ColumnElement[Any]) -> str:
    return str(expression.compile(dialect=ChdbDialect(), compile_kwargs={"literal_binds": True}))


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("Nullable(Decimal(12, 2))", sa.Numeric(12, 2)),
        ("LowCardinality(Nullable(String))", sa.Text()),
        ("DateTime", sa.DateTime()),
        ("DateTime64(6)", sa.DateTime()),
        ("DateTime('Europe/Oslo')", sa.DateTime(timezone=True)),
        ("DateTime64(3, 'UTC')", sa.DateTime(timezone=True)),
        ("UInt64", sa.Numeric(20, 0)),
        ("Array(Nullable(Int32))", sa.types.NullType()),
        ("Enum8('a' = 1)", sa.types.NullType()),
    ],
)
def test_types(declared: str, expected: sa.types.TypeEngine[Any]):
    assert repr(type_of(declared)) == repr(expected)


@pytest.mark.parametrize(
    ("expression", "sql"),
    [
        (double >= 5.0, 'NOT ("d" < 5.0)'),
        (double.in_([0.0]), '("d" + 0.0) IN (0.0)'),
        (amount < sa.literal(5, sa.BigInteger()), '"a" < CAST(5 AS Nullable(Decimal(38, 0)))'),
        (amount.in_([5]), 'toDecimal256("a", 2) IN (5)'),
        (whole.bitwise_and(3) == 3, 'bitAnd("n", 3) = 3'),
        (text == "it's \\", "\"t\" = 'it''s \\\\'"),
        (sa.func.lower(text), 'lowerUTF8("t")'),
        (sa.cast(double, sa.Integer), "accurateCastOrNull(trunc(\"d\"), 'Nullable(Int32)')"),
        (sa.column('odd"\\name'), '"odd""\\\\name"'),
        (
            sa.literal(datetime(2024, 5, 6, 7, 8, 9, 12, UTC), sa.DateTime(timezone=True)),
            "toDateTime64('2024-05-06 07:08:09.000012', 6)",
        ),
    ],
)
def test_sql_that_differs(expression: sa.ColumnElement[Any], sql: str):
    assert written(expression) == sql


def test_an_address():
    url = sa.make_url("clickhouse+chdb:////var/lib/chdb?database=loyalty")
    assert ChdbDialect().create_connect_args(url) == ((), {"folder": Path("/var/lib/chdb"), "database": "loyalty"})


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("clickhouse+chdb://host:9000/db", "names a folder of this machine"),
        ("clickhouse+chdb://", "names a folder of this machine"),
        ("clickhouse+chdb:////folder?user=ana", "has no option user; it has database"),
    ],
)
def test_an_address_that_cannot_be_used(address: str, sentence: str):
    with pytest.raises(ArgumentError, match=sentence):
        ChdbDialect().create_connect_args(sa.make_url(address))
