"""Purchases of one customer, and revenue of all by month. The table is optional; screens work without it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from loyalty_core.errors import ViewUnusable
from loyalty_core.warehouse.columns import filled, kind_of
from loyalty_core.warehouse.connection import Row, Warehouse
from loyalty_core.warehouse.customers.ids import read_id
from loyalty_core.warehouse.remembered import remembered

_DATE_NAMES = ("transaction_at", "transaction_date", "purchased_at", "order_date", "invoice_date", "date", "created_at")
_AMOUNT_NAMES = ("amount", "total_amount", "revenue", "sales", "order_value", "price", "value")


@dataclass(frozen=True)
class MonthlySpend:
    """Money and number of purchases in the calendar month that starts at `month`; `newest` is the day of the last."""

    month: date
    amount: float
    purchases: int
    newest: date | None = field(default=None, compare=False)


class Transactions:
    """Reads the transactions table through the columns that hold the customer, the moment and the amount."""

    def __init__(self, warehouse: Warehouse, table: sa.FromClause, customer: str, moment: str, amount: str) -> None:
        self._warehouse = warehouse
        self._table = table
        self._customer = table.c[customer]
        self._moment = warehouse.dialect.readable(table.c[moment])
        self._amount = table.c[amount]

    @classmethod
    def find(cls, warehouse: Warehouse) -> "Transactions | None":
        """The transactions of this warehouse, or None when there is no such table or it lacks a column.

        A page asks for them several times: the table is looked up as often as the catalog is read.
        """
        table = remembered(warehouse, "transactions", partial(_table_in, warehouse))
        if table is None:
            return None
        names = {column.name.lower(): column.name for column in table.columns}
        customer = names.get(warehouse.settings.dwh_customer_id_column.lower())
        moment = _first(names, _DATE_NAMES, table, {"date", "datetime"})
        amount = _first(names, _AMOUNT_NAMES, table, {"number"})
        if customer is None or moment is None or amount is None:
            return None
        return cls(warehouse, table, customer, moment, amount)

    def latest(self, customer_id: Any, limit: int = 100) -> list[Row]:
        """One customer's purchases, newest first."""
        return self._warehouse.rows(
            sa.select(self._table)
            .where(self._belongs_to(customer_id))
            .order_by(self._moment.desc().nulls_last())
            .limit(limit)
        )

    def by_month(self, customer_id: Any = None) -> list[MonthlySpend]:
        """Spend by calendar month, of one customer or of all, oldest first; months without any are left out."""
        parts = [sa.extract(part, self._moment).label(part) for part in ("year", "month")]
        spend = sa.func.sum(filled(self._amount)).label("amount")
        newest = sa.func.max(self._moment).label("newest")
        monthly = sa.select(*parts, spend, sa.func.count().label("purchases"), newest).where(self._moment.is_not(None))
        if customer_id is not None:
            monthly = monthly.where(self._belongs_to(customer_id))
        rows = self._warehouse.rows(monthly.group_by(*parts).order_by(*parts))
        return [
            MonthlySpend(
                date(int(row["year"]), int(row["month"]), 1),
                float(row["amount"] or 0),
                row["purchases"],
                _day_of(row["newest"]),
            )
            for row in rows
        ]

    def latest_moment(self) -> Any:
        """The newest purchase of all, None when there is none."""
        return self._warehouse.rows(sa.select(sa.func.max(self._moment).label("newest")))[0]["newest"]

    def _belongs_to(self, customer_id: Any) -> sa.ColumnElement[bool]:
        """The id column may have another type here than in the features view."""
        value = read_id(customer_id, self._customer.type)
        return sa.false() if value is None else self._customer == value


def _day_of(moment: Any) -> date | None:
    """None where the database writes moments in a way of its own."""
    return moment.date() if isinstance(moment, datetime) else moment if isinstance(moment, date) else None


def _table_in(warehouse: Warehouse) -> sa.FromClause | None:
    try:
        return warehouse.table(warehouse.settings.dwh_transactions_table)
    except ViewUnusable:
        return None


def _first(names: dict[str, str], candidates: tuple[str, ...], table: sa.FromClause, kinds: set[str]) -> str | None:
    fitting = (names[name] for name in candidates if name in names)
    return next((name for name in fitting if kind_of(table.c[name].type) in kinds), None)
