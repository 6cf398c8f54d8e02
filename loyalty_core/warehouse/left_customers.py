"""Customers of whom only a churn history says that they have left, such as those of a loaded file with a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.errors import DataError, SettingsError, ViewUnusable
from loyalty_core.warehouse.columns import personal_columns
from loyalty_core.warehouse.customers.ids import same_id
from loyalty_core.warehouse.history import CHURN_HISTORY, find_history

if TYPE_CHECKING:
    from loyalty_core.warehouse.connection import Warehouse

_YES = ("1", "1.0", "true", "t", "yes", "y")


def left_customers(warehouse: Warehouse, *, dated: bool) -> sa.Subquery | None:
    """The ids, as `customer_id`, of customers whose label in the churn history says that they have left.

    None where there is no such history, it has no column of ids, or its label is personal data. A label with a day says
    what followed that day: it is read, from each customer's newest row, only if `dated`, where nothing newer is known.
    The ids are those of every customer: join them with the features that the viewer may see.
    """
    settings = warehouse.settings
    try:
        found = find_history(warehouse.whole, CHURN_HISTORY, {})
    except (DataError, SettingsError, ViewUnusable):
        return None
    personal = personal_columns(found.rows.columns, settings.dwh_customer_id_column, settings)
    is_hidden = CHURN_HISTORY.label in {name.casefold() for name in personal}
    if found.customer is None or is_hidden or (found.day is not None and not dated):
        return None
    has_left = sa.func.lower(sa.cast(found.label, sa.Text)).in_(_YES)
    if found.day is None:
        return sa.select(found.customer.label("customer_id")).where(has_left).distinct().subquery("left_customers")
    newest = sa.func.row_number().over(partition_by=found.customer, order_by=found.day.desc())
    rows = sa.select(found.customer.label("customer_id"), has_left.label("has_left"), newest.label("age"))
    labels = rows.where(found.label.is_not(None)).subquery("labels")
    return sa.select(labels.c.customer_id).where(labels.c.age == 1, labels.c.has_left).subquery("left_customers")


def has_left(left: sa.FromClause, identifier: sa.ColumnElement) -> sa.ColumnElement[bool]:
    """Whether the customer with this id is one of them; never NULL."""
    return sa.exists().where(same_id(left.c.customer_id, identifier)).correlate_except(left)
