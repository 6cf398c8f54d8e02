"""Rules on rows and in SQL: `python -m benchmarks.rules`.

On rows, one compiled rule against the fastest JSONLogic library for Python; in a DuckDB file, counting against SQL
written by hand that gives the same answer, against the same SQL on copies in memory, and against Polars on the same
customers in memory. Each ratio compares with the first line of its table, measured in the same run.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from datalogic_py import Engine

from benchmarks.timing import compare, show
from loyalty_core.rules import Rule, compile_rule
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import kind_of

ROWS = 20_000
FETCHED = 200_000
SIZES = (1_000_000, 10_000_000)
CITIES = ("Oslo", "Bergen", "Trondheim", "Rome", "Lima", "Paris")


def var(name: str) -> Any:
    return {"var": name}


RULE = {
    "or": [
        {
            "and": [
                {">": [var("total_revenue"), 500]},
                {"<=": [var("days_since_purchase"), 90]},
                {"in": [var("city"), ["Oslo", "Bergen", "Trondheim"]]},
            ]
        },
        {
            "and": [
                {"==": [var("email_verified"), True]},
                {">=": [var("points"), 2_000]},
                {"!": {"or": [{"==": [var("tier"), "basic"]}, {"<": [var("visits"), 3]}]}},
            ]
        },
        {">": [var("churn_probability"), 0.97]},
    ]
}
# What a careful analyst would write, blanks under the negation included.
BY_HAND = """
SELECT count(*) FROM customers WHERE
(total_revenue > 500 AND days_since_purchase <= 90 AND city IN ('Oslo', 'Bergen', 'Trondheim'))
OR (email_verified AND points >= 2000 AND (tier <> 'basic' OR tier IS NULL) AND (visits >= 3 OR visits IS NULL))
OR churn_probability > 0.97
"""
POLARS = (
    ((pl.col("total_revenue") > 500) & (pl.col("days_since_purchase") <= 90) & pl.col("city").is_in(CITIES[:3]))
    | (
        pl.col("email_verified")
        & (pl.col("points") >= 2000)
        & pl.col("tier").ne_missing("basic")
        & ((pl.col("visits") >= 3) | pl.col("visits").is_null())
    )
    | (pl.col("churn_probability") > 0.97)
)
TABLE = sa.Table(
    "customers",
    sa.MetaData(),
    sa.Column("total_revenue", sa.Double()),
    sa.Column("days_since_purchase", sa.Integer()),
    sa.Column("city", sa.Text()),
    sa.Column("email_verified", sa.Boolean()),
    sa.Column("points", sa.BigInteger()),
    sa.Column("tier", sa.Text()),
    sa.Column("visits", sa.Integer()),
    sa.Column("churn_probability", sa.Double()),
)


def main() -> None:
    columns = [Column(column.name, kind_of(column.type), "", column.name) for column in TABLE.columns]
    rule = compile_rule(RULE, columns)
    per_row = on_rows(rule)
    for size in SIZES:
        in_duckdb(rule, size, per_row)


def on_rows(rule: Rule) -> float:
    """Seconds that the library needs for one row."""
    rows = [customer(random.Random(number)) for number in range(ROWS)]
    other = Engine().compile(RULE).evaluate
    matches = rule.matches
    different = sum(bool(other(row)) != matches(row) for row in rows if None not in row.values())
    assert not different, f"{different} rows have another answer"
    candidates = {
        "datalogic-py, compiled once": lambda: [other(row) for row in rows],
        "Rule.matches": lambda: [matches(row) for row in rows],
    }
    timings = compare(candidates)
    show(f"One rule of 8 conditions on {ROWS:,} rows (dicts of {len(rows[0])} features)", timings)
    for timing in timings:
        print(f"  {timing.name:<58} {ROWS / timing.seconds / 1e6:>8.2f} million dicts/s")
    return timings[0].seconds / ROWS


def in_duckdb(rule: Rule, size: int, per_row: float) -> None:
    with a_file_and_copies_in_memory(size) as connection:
        count = sa.select(sa.func.count()).select_from(TABLE).where(rule.to_sql(TABLE, where=True))
        never_null = sa.select(sa.func.count()).select_from(TABLE).where(rule.to_sql(TABLE))
        frame = pl.from_arrow(connection.exec_driver_sql("FROM customers").cursor.to_arrow_table())
        candidates = {
            "SQL written by hand": lambda: connection.exec_driver_sql(BY_HAND).scalar(),
            "Rule.to_sql(where=True)": lambda: connection.execute(count).scalar(),
            "Rule.to_sql, never NULL": lambda: connection.execute(never_null).scalar(),
            "by hand, on a copy in memory": lambda: connection.exec_driver_sql(_on("copied")).scalar(),
            "by hand, on a copy with texts as numbers": lambda: connection.exec_driver_sql(_on("encoded")).scalar(),
            "Polars, in memory": lambda: frame.select(POLARS.sum()).item(),
        }
        answers = {candidate() for candidate in candidates.values()}
        assert len(answers) == 1, f"{answers} customers"
        timings = compare(candidates)
        show(f"Counting {answers.pop():,} of {size:,} customers in DuckDB", timings)
        ours_at = size / timings[1].seconds
        fetched = rows_fetched_and_asked(connection)
        print(
            f"  {ours_at / 1e6:.1f} million customers/s: {ours_at * per_row:.1f} times datalogic-py on rows in memory,"
        )
        print(f"  {ours_at / fetched:.1f} times datalogic-py on rows fetched from the same table")


@contextmanager
def a_file_and_copies_in_memory(size: int) -> Iterator[sa.Connection]:
    """`customers` in a file, `copied` in memory, and `encoded` there with cities and tiers as numbers of an ENUM."""
    with tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(f"duckdb:///{Path(folder) / 'customers.duckdb'}")
        with engine.connect() as connection:
            connection.exec_driver_sql(make_customers(size))
            connection.commit()
            connection.exec_driver_sql("CHECKPOINT")
            connection.exec_driver_sql("CREATE TEMP TABLE copied AS FROM customers")
            for name in ("city", "tier"):
                values = f"SELECT DISTINCT {name} FROM customers WHERE {name} IS NOT NULL"
                connection.exec_driver_sql(f"CREATE TEMP TYPE {name}_name AS ENUM ({values})")
            encoded = "city::city_name AS city, tier::tier_name AS tier"
            connection.exec_driver_sql(f"CREATE TEMP TABLE encoded AS SELECT * REPLACE ({encoded}) FROM customers")
            yield connection
        engine.dispose()


def _on(table: str) -> str:
    return BY_HAND.replace("FROM customers", f"FROM {table}")


def rows_fetched_and_asked(connection: sa.Connection) -> float:
    """Rows per second when each is fetched, made a dict and given to datalogic-py."""
    other = Engine().compile(RULE).evaluate
    started = time.perf_counter()
    result = connection.exec_driver_sql(f"FROM customers LIMIT {FETCHED}")
    names = list(result.keys())
    sum(bool(other(dict(zip(names, row, strict=True)))) for row in result)
    return FETCHED / (time.perf_counter() - started)


def customer(rng: random.Random) -> dict[str, Any]:
    features = {
        "customer_id": f"C{rng.random()}",
        "total_revenue": rng.random() * 1000,
        "days_since_purchase": rng.randrange(365),
        "city": rng.choice(CITIES),
        "email_verified": rng.random() < 0.6,
        "points": rng.randrange(5000),
        "tier": rng.choice(("basic", "silver", "gold")),
        "visits": rng.randrange(30),
        "churn_probability": rng.random(),
    }
    return {name: None if rng.random() < 0.1 else value for name, value in features.items()}


def make_customers(size: int) -> str:
    def some(expression: str, number: int) -> str:
        return f"CASE WHEN hash(i * {number}) % 10 > 0 THEN {expression} END"

    names = ", ".join(f"'{city}'" for city in CITIES)
    return f"""
    CREATE TABLE customers AS SELECT
    {some("hash(i * 3) % 100000 / 100.0::DOUBLE", 31)} AS total_revenue,
    {some("(hash(i * 5) % 365)::INTEGER", 37)} AS days_since_purchase,
    {some(f"[{names}][1 + (hash(i * 7) % {len(CITIES)})::INTEGER]", 41)} AS city,
    {some("hash(i * 11) % 10 < 6", 43)} AS email_verified,
    {some("(hash(i * 13) % 5000)::BIGINT", 47)} AS points,
    {some("['basic', 'silver', 'gold'][1 + (hash(i * 17) % 3)::INTEGER]", 53)} AS tier,
    {some("(hash(i * 19) % 30)::INTEGER", 59)} AS visits,
    {some("hash(i * 23) % 10000 / 10000.0::DOUBLE", 61)} AS churn_probability
    FROM range({size}) AS s(i)
    """


if __name__ == "__main__":
    main()
