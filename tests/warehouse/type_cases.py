"""A value of every type of each database, and how it must be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reading = Literal["exact", "double", "single", "boolean", "text", "date", "time", "blank"]


@dataclass(frozen=True)
class Case:
    """A type, a literal of it, and how its value is read; `kind` is what the rule builder takes the column for.

    exact: a number with all its digits; double, single: a floating-point number; blank: nothing, though the database
    has a value; all others by name.
    """

    type: str
    literal: str
    reading: Reading
    kind: str

    def __str__(self) -> str:
        return f"{self.type} {self.literal}"


def _cases(reading: Reading, kind: str, *values: tuple[str, str]) -> tuple[Case, ...]:
    return tuple(Case(type_name, literal, reading, kind) for type_name, literal in values)


POSTGRESQL = (
    *_cases("boolean", "boolean", ("boolean", "true"), ("boolean", "false")),
    *_cases(
        "exact",
        "number",
        ("smallint", "-32768"),
        ("integer", "2147483647"),
        ("bigint", "9007199254740993"),
        ("bigint", "-9223372036854775808"),
        ("numeric(10, 2)", "10.10"),
        ("numeric(38, 2)", "-123456789012345678901234567890123456.78"),
        ("numeric(50, 10)", "1234567890123456789012345678901234567890.0123456789"),
        ("numeric", "123456789012345678901234567890123456789"),
        ("numeric", "0.00000000000000000001"),
        ("amount", "12.50"),
    ),
    *_cases("double", "number", ("numeric", "'Infinity'"), ("numeric", "'-Infinity'")),
    *_cases(
        "double",
        "number",
        ("double precision", "0.1"),
        ("double precision", "1e300"),
        ("double precision", "'Infinity'"),
        ("double precision", "'-Infinity'"),
    ),
    *_cases("single", "number", ("real", "0.1"), ("real", "'Infinity'")),
    *_cases(
        "text",
        "text",
        ("text", "'Åse 😀'"),
        ("varchar(40)", "''"),
        ("char(5)", "'ab'"),
        ('"char"', "'x'"),
        ("name", "'ab'"),
        ("mood", "'happy'"),
        ("code", "'A1'"),
        ("citext", "'Anna@Example.org'"),
        ("uuid", "'00000000-0000-0000-0000-00000000000a'"),
    ),
    *_cases("date", "date", ("date", "'2020-02-29'"), ("date", "'0001-01-01'"), ("date", "'9999-12-31'")),
    *_cases(
        "time",
        "datetime",
        ("timestamp", "'2020-02-29 01:02:03.5'"),
        ("timestamp", "'9999-12-31 23:59:59.999999'"),
        ("timestamp(0)", "'0001-01-01 00:00:00'"),
        ("timestamptz", "'2020-02-29 01:02:03+02'"),
        ("timestamptz", "'9999-12-31 23:59:59+00'"),
    ),
    *_cases(
        "text",
        "other",
        ("money", "1234.5::numeric::money"),
        ("bytea", "'\\x00ff'"),
        ("bit(4)", "B'1010'"),
        ("bit varying", "B'10101'"),
        ("time", "'12:30:00.5'"),
        ("time", "'24:00:00'"),
        ("timetz", "'12:00:00+02'"),
        ("timetz", "'24:00:00-15:59:59'"),
        ("interval", "'1 year 2 days 03:04:05'"),
        ("interval", "'-178000000 years'"),
        ("json", "'{\"a\": [1, null]}'"),
        ("jsonb", "'[1, 2]'"),
        ("jsonpath", "'$.a'"),
        ("xml", "'<a>1</a>'"),
        ("inet", "'192.168.0.1/24'"),
        ("cidr", "'10.0.0.0/8'"),
        ("macaddr", "'08:00:2b:01:02:03'"),
        ("macaddr8", "'08:00:2b:01:02:03:04:05'"),
        ("point", "'(1,2)'"),
        ("line", "'{1,2,3}'"),
        ("lseg", "'((0,0),(1,1))'"),
        ("box", "'((0,0),(1,1))'"),
        ("path", "'((0,0),(1,1))'"),
        ("polygon", "'((0,0),(1,1))'"),
        ("circle", "'<(0,0),2>'"),
        ("int4range", "'[1,5)'"),
        ("int8range", "'empty'"),
        ("numrange", "'[1.5,)'"),
        ("daterange", "'[2026-01-01,infinity)'"),
        ("tsrange", "'[2026-01-01,)'"),
        ("tstzrange", "'[2026-01-01 00:00:00+00,)'"),
        ("int4multirange", "'{[1,5),[7,9)}'"),
        ("datemultirange", "'{[2026-01-01,2026-02-01)}'"),
        ("int[]", "'{1,2,NULL}'"),
        ("text[]", "'{a,\"b c\"}'"),
        ("numeric[]", "'{NaN,1.50}'"),
        ("mood[]", "'{sad}'"),
        ("address", "'(Oslo,\"a b\")'"),
        ("tsvector", "'a b'"),
        ("tsquery", "'a & b'"),
        ("oid", "4294967295"),
        ("regclass", "'pg_class'"),
        ("xid", "'7'"),
        ("tid", "'(1,2)'"),
        ("pg_lsn", "'16/B374D848'"),
        ("pg_snapshot", "'10:20:10,14'"),
        ("hstore", "'a=>1, b=>NULL'"),
        ("ltree", "'top.sports'"),
    ),
    *_cases("blank", "number", ("numeric", "'NaN'"), ("double precision", "'NaN'"), ("real", "'NaN'")),
    *_cases("blank", "date", ("date", "'infinity'"), ("date", "'0044-03-15 BC'"), ("date", "'20240-01-01'")),
    *_cases(
        "blank",
        "datetime",
        ("timestamp", "'-infinity'"),
        ("timestamp", "'0044-03-15 BC'"),
        ("timestamptz", "'infinity'"),
        ("timestamptz", "'20240-01-01'"),
    ),
    *_cases("blank", "other", ("json", "'null'"), ("jsonb", "' null'")),
)

DUCKDB = (
    *_cases("boolean", "boolean", ("BOOLEAN", "true"), ("BOOLEAN", "false")),
    *_cases(
        "exact",
        "number",
        ("TINYINT", "-128"),
        ("SMALLINT", "-32768"),
        ("INTEGER", "-2147483648"),
        ("BIGINT", "9007199254740993"),
        ("UTINYINT", "255"),
        ("USMALLINT", "65535"),
        ("UINTEGER", "4294967295"),
        ("UBIGINT", "18446744073709551615"),
        ("HUGEINT", "9007199254740993"),
        ("HUGEINT", "-170141183460469231731687303715884105728"),
        ("HUGEINT", "170141183460469231731687303715884105727"),
        ("UHUGEINT", "340282366920938463463374607431768211455"),
        ("DECIMAL(10, 2)", "10.10"),
        ("DECIMAL(38, 0)", "-12345678901234567890123456789012345678"),
        ("DECIMAL(38, 2)", "123456789012345678901234567890123456.78"),
        ("DECIMAL(18, 18)", "0.000000000000000001"),
    ),
    *_cases("single", "number", ("FLOAT", "0.1"), ("FLOAT", "'inf'")),
    *_cases("double", "number", ("DOUBLE", "0.1"), ("DOUBLE", "1e300"), ("DOUBLE", "'inf'"), ("DOUBLE", "'-inf'")),
    *_cases(
        "text",
        "text",
        ("VARCHAR", "'Åse 😀'"),
        ("VARCHAR", "''"),
        ("UUID", "'00000000-0000-0000-0000-00000000000a'"),
        ("ENUM('gold', 'silver')", "'gold'"),
    ),
    *_cases("date", "date", ("DATE", "'2020-02-29'"), ("DATE", "'0001-01-01'"), ("DATE", "'9999-12-31'")),
    *_cases(
        "time",
        "datetime",
        ("TIMESTAMP", "'2020-02-29 01:02:03.5'"),
        ("TIMESTAMP", "'9999-12-31 23:59:59.999999'"),
        ("TIMESTAMP_S", "'2020-02-29 01:02:03'"),
        ("TIMESTAMP_MS", "'2020-02-29 01:02:03.5'"),
        ("TIMESTAMP_NS", "'2020-02-29 01:02:03.123456'"),
        ("TIMESTAMPTZ", "'2020-02-29 01:02:03+02'"),
    ),
    *_cases(
        "text",
        "other",
        ("BIGNUM", "'123456789012345678901234567890123456789012345'"),
        ("BLOB", "'\\x00\\xFF'"),
        ("BIT", "'0101'"),
        ("TIME", "'12:30:00.5'"),
        ("TIME", "'24:00:00'"),
        ("TIMETZ", "'12:30:00+02'"),
        ("TIMETZ", "'24:00:00+15:59:59'"),
        ("TIME_NS", "'12:30:00.123456789'"),
        ("INTERVAL", "'1 year 2 days 03:04:05'"),
        ("JSON", "'{\"a\": [1, null]}'"),
        ("INTEGER[]", "[1, NULL]"),
        ("INTEGER[2]", "[1, 2]"),
        ("STRUCT(a DATE, b DOUBLE)", "{'a': DATE '2020-02-29', 'b': 1.5}"),
        ("MAP(VARCHAR, INTEGER)", "MAP {'a': 1}"),
        ("UNION(num INTEGER, str VARCHAR)", "1"),
        ("GEOMETRY", "'POINT (1 2)'"),
    ),
    *_cases("blank", "number", ("DOUBLE", "'nan'"), ("FLOAT", "'nan'")),
    *_cases("blank", "date", ("DATE", "'infinity'"), ("DATE", "'0044-03-15 (BC)'"), ("DATE", "'20240-01-01'")),
    *_cases(
        "blank",
        "datetime",
        ("TIMESTAMP", "'infinity'"),
        ("TIMESTAMP", "'-infinity'"),
        ("TIMESTAMP", "'20240-01-01'"),
        ("TIMESTAMP_S", "'infinity'"),
        ("TIMESTAMP_MS", "'-infinity'"),
        ("TIMESTAMP_NS", "'infinity'"),
        ("TIMESTAMPTZ", "'infinity'"),
    ),
    *_cases("blank", "other", ("JSON", "'null'")),
)

SQLITE = (
    *_cases("exact", "number", ("INTEGER", "9007199254740993"), ("NUMERIC", "12345")),
    *_cases("double", "number", ("NUMERIC", "0.000000000001"), ("DECIMAL(10, 2)", "10.1"), ("REAL", "0.1")),
    *_cases("text", "text", ("TEXT", "'Åse 😀'"), ("VARCHAR(20)", "''")),
    *_cases("text", "other", ("TIME", "'24:00:00'"), ("JSON", "'{\"a\": 1}'")),
    *_cases("date", "date", ("DATE", "'2020-02-29'")),
    *_cases("time", "datetime", ("DATETIME", "'2020-02-29 01:02:03.500000'"), ("TIMESTAMP", "'2020-02-29 01:02:03'")),
    *_cases("blank", "other", ("JSON", "'null'")),
)
