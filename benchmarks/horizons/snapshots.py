"""Rolling snapshots of customers: features as of a day, from purchases before it, and what happened afterwards."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from loyalty_core.demo.block import BlockPlan, simulate_block
from loyalty_core.demo.history import FEATURES, create_history
from loyalty_core.demo.schema import create_tables, insert_block
from loyalty_core.demo.timeline import Timeline
from loyalty_core.loading import write_warehouse
from loyalty_core.loading.behaviour import behaviour_on_days
from tests.datasets import ONLINE_RETAIL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from benchmarks.horizons.events import Days

DEMO_CUSTOMERS = 5_000
_TRANSACTIONS = "TEMP TABLE transactions (customer_id VARCHAR, transaction_at TIMESTAMP, amount DOUBLE)"
_MORE_FEATURES = """
    SELECT known.* EXCLUDE (first_transaction_at, last_transaction_at),
           date_diff('day', first_transaction_at::DATE, day) AS tenure_days,
           (tenure_days - days_since_last_transaction) / nullif(transaction_count - 1, 0) AS days_between,
           (SELECT count(*) FROM transactions AS t WHERE t.customer_id = known.customer_id
            AND t.transaction_at < day AND t.transaction_at >= day - INTERVAL 30 DAY) AS orders_in_30_days,
           (SELECT count(*) FROM transactions AS t WHERE t.customer_id = known.customer_id
            AND t.transaction_at < day AND t.transaction_at >= day - INTERVAL 90 DAY) AS orders_in_90_days
    FROM ({}) AS known ORDER BY day, customer_id"""


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Rows of customers on days; `purchases` are the days of purchases of each of `customers`, as ordinals.

    Models may know what happened before `learned_until`; the days from then on are tested. Data ends at `end`.
    """

    name: str
    about: str
    features: pa.Table
    customer: npt.NDArray[np.intp]
    day: Days
    purchases: Sequence[Days]
    learned_until: float
    end: float


def snapshot_sets(complete_journey: Path | None) -> Iterator[Snapshots]:
    """The demo, a real shop and, where its folder is given, a real grocer."""
    yield _demo()
    yield _from_purchases(
        "online shop",
        "UCI Online Retail, a real shop of gifts",
        """INSERT INTO transactions SELECT CAST(CustomerID AS INTEGER), min(InvoiceDate), sum(Quantity * UnitPrice)
           FROM read_parquet(?) WHERE CustomerID IS NOT NULL AND Quantity > 0 AND UnitPrice > 0
           GROUP BY CustomerID, InvoiceNo""",
        ONLINE_RETAIL,
        [date(2011, month, 1) for month in range(2, 9)],
        [date(2011, 9, 1)],
        date(2011, 12, 9),
    )
    if complete_journey is not None:
        yield _from_purchases(
            "grocer",
            "Complete Journey, households of a real grocer",
            "INSERT INTO transactions SELECT household_id, date, sales FROM read_csv(?)",
            complete_journey / "baskets.csv.gz",
            [date(2017, month, 1) for month in range(3, 10)],
            [date(2017, 10, 1)],
            date(2018, 1, 1),
        )


def _demo() -> Snapshots:
    """The months of a year are learned from, two later ones tested, and half a year more tells what happened."""
    end, learned, tested = date(2026, 11, 1), _months(2025, 2, 12), _months(2026, 2, 3)
    full = Timeline.until(end)
    timeline = Timeline(full.start, end, (*learned, *tested), full.mailing_dates, full.clock)
    with tempfile.TemporaryDirectory() as folder, write_warehouse(Path(folder) / "demo.duckdb") as connection:
        create_tables(connection)
        insert_block(connection, simulate_block(timeline, 7, BlockPlan(0, 0, DEMO_CUSTOMERS, with_history=True)))
        create_history(connection, timeline.churn_dates, timeline.offer_dates)
        rows = connection.execute(
            f"""SELECT customer_id, snapshot_date AS day, {", ".join(FEATURES)}
                FROM customer_churn_history ORDER BY day, customer_id"""
        ).to_arrow_table()
        about = f"the simulated programme, {DEMO_CUSTOMERS:,} customers"
        return _snapshots("demo", about, rows, connection, tested[0], end)


def _from_purchases(
    name: str, about: str, load: str, file: Path, learned: list[date], tested: list[date], end: date
) -> Snapshots:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE {_TRANSACTIONS}")
        connection.execute(load, [str(file)])
        connection.execute("CREATE TEMP TABLE days AS SELECT DISTINCT customer_id, unnest(?::DATE[]) AS day "
                           "FROM transactions", [[*learned, *tested]])  # fmt: skip
        rows = connection.execute(_MORE_FEATURES.format(behaviour_on_days("days"))).to_arrow_table()
        return _snapshots(name, about, rows, connection, tested[0], end)


def _snapshots(
    name: str, about: str, rows: pa.Table, connection: duckdb.DuckDBPyConnection, learned_until: date, end: date
) -> Snapshots:
    found = connection.execute(
        "SELECT customer_id, list(DISTINCT transaction_at::DATE ORDER BY transaction_at::DATE) "
        "FROM transactions GROUP BY 1 ORDER BY 1"
    ).fetchall()
    number = {customer: place for place, (customer, _) in enumerate(found)}
    return Snapshots(
        name,
        about,
        rows.drop_columns(["customer_id", "day"]),
        np.array([number[customer] for customer in rows["customer_id"].to_pylist()]),
        np.array([day.toordinal() for day in rows["day"].to_pylist()], dtype=float),
        [np.array([day.toordinal() for day in days], dtype=float) for _, days in found],
        learned_until.toordinal(),
        (end + timedelta(0)).toordinal(),
    )


def _months(year: int, first: int, count: int) -> list[date]:
    return [date(year + (first - 1 + month) // 12, (first - 1 + month) % 12 + 1, 1) for month in range(count)]
