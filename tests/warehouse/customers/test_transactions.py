"""Purchases by month and by customer."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest

from loyalty_core.warehouse.customers import MonthlySpend, Transactions

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    OpenWarehouse = Callable[..., Warehouse]

VIEW = "CREATE TABLE customer_features_view AS SELECT 7 AS customer_id;"
PURCHASES = """
CREATE TABLE transactions (customer_id {id_type}, amount {amount_type}, transaction_at timestamp, item varchar);
INSERT INTO transactions VALUES
    (7, 10.5, '2024-01-31 23:59:59', 'x'), (7, -2.5, '2024-01-01 00:00:00', 'return'), (7, NULL, '2024-03-05', 'gift'),
    (7, 4, NULL, 'undated'), (8, 100, '2023-12-24', 'y'), (NULL, 1, '2023-12-25', 'guest');
"""


@pytest.fixture(params=["integer", "varchar", "bigint"])
def transactions(request: pytest.FixtureRequest, backend: Backend, open_warehouse: OpenWarehouse) -> Transactions:
    """Purchases in a table whose id column may have another type than the view's."""
    backend.execute(VIEW + PURCHASES.format(id_type=request.param, amount_type="numeric(10, 2)"))
    found = Transactions.find(open_warehouse(backend.url))
    assert found is not None
    return found


def test_all_spend_by_month(transactions: Transactions):
    assert transactions.by_month() == [
        MonthlySpend(date(2023, 12, 1), 101.0, 2),
        MonthlySpend(date(2024, 1, 1), 8.0, 2),
        MonthlySpend(date(2024, 3, 1), 0.0, 1),
    ]


def test_a_month_says_the_day_of_its_last_purchase(transactions: Transactions):
    assert [month.newest for month in transactions.by_month()] == [
        date(2023, 12, 25),
        date(2024, 1, 31),
        date(2024, 3, 5),
    ]


def test_one_customers_spend_by_month(transactions: Transactions):
    assert transactions.by_month(7) == [MonthlySpend(date(2024, 1, 1), 8.0, 2), MonthlySpend(date(2024, 3, 1), 0.0, 1)]


def test_latest_purchases_come_newest_first_and_undated_last(transactions: Transactions):
    assert [row["item"] for row in transactions.latest(7)] == ["gift", "x", "return", "undated"]
    assert [row["item"] for row in transactions.latest(7, limit=1)] == ["gift"]


@pytest.mark.parametrize("stranger", [9, "nobody", "", "7' OR '1'='1", None])
def test_strangers_have_no_purchases(transactions: Transactions, stranger: object):
    assert transactions.latest(stranger) == []


def test_the_newest_purchase_of_all(transactions: Transactions):
    assert transactions.latest_moment() == datetime(2024, 3, 5)


def test_nan_is_no_amount(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(VIEW + PURCHASES.format(id_type="integer", amount_type="double precision"))
    backend.execute("INSERT INTO transactions VALUES (7, 'NaN', '2024-01-02', 'broken')")
    found = Transactions.find(open_warehouse(backend.url))
    assert found is not None
    assert found.by_month(7)[0] == MonthlySpend(date(2024, 1, 1), 8.0, 3)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("TRANSACTIONS_2", "customer_id integer, amount integer, transaction_at date"),
        ("transactions", "client integer, amount integer, transaction_at date"),
        ("transactions", "customer_id integer, amount varchar, transaction_at date"),
        ("transactions", "customer_id integer, amount integer, transaction_at varchar"),
    ],
)
def test_a_table_that_lacks_something_is_left_alone(
    backend: Backend, open_warehouse: OpenWarehouse, table: str, columns: str
):
    backend.execute(f"{VIEW} CREATE TABLE {table} ({columns})")
    assert Transactions.find(open_warehouse(backend.url)) is None


def test_columns_are_found_by_other_names(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(VIEW + "CREATE TABLE sales (customer_id integer, amount varchar, price real, order_date date);")
    backend.execute("INSERT INTO sales VALUES (7, 'three', 2.5, '2024-01-31'), (7, 'one', 4, '2024-01-01')")
    found = Transactions.find(open_warehouse(backend.url, dwh_transactions_table="sales"))
    assert found is not None
    assert found.by_month() == [MonthlySpend(date(2024, 1, 1), 6.5, 2)]


def test_a_table_without_purchases(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(VIEW + "CREATE TABLE transactions (customer_id integer, amount real, order_date date)")
    found = Transactions.find(open_warehouse(backend.url))
    assert found is not None
    assert found.by_month() == []
    assert found.latest_moment() is None
