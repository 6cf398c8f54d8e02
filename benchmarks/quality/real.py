"""Real data sets: from tests/data, from scikit-learn, and from a folder that LOYALTY_COMPLETE_JOURNEY names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
from sklearn.datasets import load_breast_cancer, load_digits

from benchmarks.quality.data_set import DataSet, group_copies
from tests.datasets import ONLINE_RETAIL, TELCO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

# A customer of the shop is seen on each of these days; who buys nothing in the 90 days after has left.
_SHOP = """
    WITH lines AS (
        SELECT CAST(CustomerID AS INTEGER) AS customer, InvoiceNo AS invoice, InvoiceDate AS bought_at,
               Quantity * UnitPrice AS amount, Quantity AS items, StockCode AS product, Country AS country
        FROM read_parquet(?) WHERE CustomerID IS NOT NULL
    ),
    days AS (SELECT unnest([DATE '2011-04-01', DATE '2011-06-01', DATE '2011-08-01']) AS day)
    SELECT customer, country_of AS country,
           date_diff('day', max(bought_at) FILTER (amount > 0), day) AS days_since_last,
           date_diff('day', min(bought_at) FILTER (amount > 0), day) AS days_since_first,
           count(DISTINCT invoice) FILTER (amount > 0) AS orders,
           count(DISTINCT invoice) FILTER (amount > 0 AND bought_at >= day - INTERVAL 60 DAY) AS recent_orders,
           sum(amount) FILTER (amount > 0) AS revenue,
           sum(amount) FILTER (amount > 0) / orders AS average_order,
           sum(items) FILTER (amount > 0) / orders AS items_per_order,
           count(DISTINCT product) FILTER (amount > 0) AS products,
           -sum(amount) FILTER (amount < 0) AS returned,
           CASE WHEN orders > 1 THEN (days_since_first - days_since_last) / (orders - 1) END AS days_between_orders,
           CAST(NOT bool_or(later) AS INTEGER) AS label
    FROM (
        SELECT lines.*, day, arg_min(country, bought_at) OVER (PARTITION BY customer) AS country_of,
               customer IN (SELECT customer FROM lines AS next WHERE next.amount > 0 AND next.bought_at >= day
                            AND next.bought_at < day + INTERVAL 90 DAY) AS later
        FROM lines JOIN days ON bought_at < day
    )
    GROUP BY customer, country_of, day
    HAVING count(*) FILTER (amount > 0) > 0
    ORDER BY customer, day
"""


def real_sets(complete_journey: Path | None) -> Iterator[DataSet]:
    """The real data sets; those of dunnhumby's Complete Journey only where their folder is given."""
    yield _telco()
    yield _from_rows(
        "online shop",
        "UCI Online Retail: customers of a real shop on three days of 2011; the label is no purchase within 90 days",
        duckdb.execute(_SHOP, [str(ONLINE_RETAIL)]).to_arrow_table(),
        "customer",
    )
    yield _numbers("breast cancer", "diagnoses from Wisconsin, from scikit-learn", load_breast_cancer(return_X_y=True))
    yield _numbers("digits", "handwritten digits as ten classes, from scikit-learn", load_digits(return_X_y=True))
    if complete_journey is not None:
        yield from _complete_journey(complete_journey)


def _telco() -> DataSet:
    table = duckdb.execute(
        """SELECT * EXCLUDE (customerID, Churn, TotalCharges), TRY_CAST(TotalCharges AS DOUBLE) AS TotalCharges,
                  CAST(Churn = 'Yes' AS INTEGER) AS label FROM read_csv(?, all_varchar = false)""",
        [str(TELCO)],
    ).to_arrow_table()
    features = table.drop_columns("label")
    about = "IBM's Telco Customer Churn with all its 19 columns; identical customers are kept together"
    return DataSet("telco", about, features, _classes(table["label"]), group_copies(features))


def _complete_journey(folder: Path) -> Iterator[DataSet]:
    coupons = duckdb.execute(
        "SELECT * EXCLUDE (date) FROM read_csv(?)", [str(folder / "derived_coupon_category.csv")]
    ).to_arrow_table()
    yield _from_rows(
        "coupon category",
        "Complete Journey: 721 coupon redemptions, eight categories as offers",
        coupons,
        "household_id",
    )
    campaigns = duckdb.execute(
        "SELECT * EXCLUDE (campaign_id, start, y), y AS label FROM read_csv(?)",
        [str(folder / "derived_campaign_rows.csv.gz")],
    ).to_arrow_table()
    yield _from_rows(
        "coupon use", "Complete Journey: whether a household redeems a coupon of a campaign", campaigns, "household_id"
    )


def _from_rows(name: str, about: str, table: pa.Table, group: str) -> DataSet:
    groups = table[group].to_numpy()
    return DataSet(name, about, table.drop_columns(["label", group]), _classes(table["label"]), groups)


def _numbers(name: str, about: str, found: Any) -> DataSet:
    values, classes = found
    features = pa.table({f"x{column}": values[:, column] for column in range(values.shape[1])})
    return DataSet(name, about, features, classes.astype(np.intp), np.arange(len(classes)))


def _classes(labels: pa.ChunkedArray) -> npt.NDArray[np.intp]:
    return np.unique(labels.to_numpy(), return_inverse=True)[1]
