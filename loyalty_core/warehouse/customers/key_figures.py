"""Key figures of the whole base, counted in the warehouse."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from loyalty_core.errors import ViewUnusable
from loyalty_core.warehouse.columns import Catalog, Column, column_for, filled, large_groups
from loyalty_core.warehouse.connection import Row, Warehouse
from loyalty_core.warehouse.refusals import GroupTooSmall


@dataclass(frozen=True)
class KeyFigures:
    """`active` and `revenue` are None where the view has no column for them; `blanks` is a share (0–1).

    `active` is None too where too few customers are, or are not, for a viewer who sees no small groups.
    """

    customers: int
    active: int | None
    active_means: str
    revenue: float | None
    revenue_column: Column | None
    blanks: float
    blank_columns: int


def key_figures(warehouse: Warehouse) -> KeyFigures:
    """Count customers, active ones, revenue and blanks; raises `ViewUnusable` when the view has no row."""
    catalog = warehouse.catalog()
    columns, view = catalog.columns, catalog.view
    revenue = column_for("revenue", columns, warehouse.settings)
    active, active_means = _active(warehouse, catalog)
    wanted: list[sa.ColumnElement[Any]] = [sa.func.count().label("customers")]
    if active is not None:
        wanted.append(sa.func.count(sa.case((active, 1))).label("active"))
    if revenue is not None:
        wanted.append(sa.func.sum(filled(view.c[revenue.name])).label("revenue"))
    figures = warehouse.unguarded.rows(sa.select(*wanted).select_from(view))[0]
    if not figures["customers"]:
        raise _no_rows(warehouse)
    smallest = warehouse.smallest_group
    if figures["customers"] < smallest:
        raise GroupTooSmall(smallest)
    if "active" in figures and not large_groups({"active": figures["active"]}, figures["customers"], smallest):
        figures["active"] = None
    shares = [column.blanks for column in columns if column.blanks is not None]
    return KeyFigures(
        customers=figures["customers"],
        active=figures.get("active"),
        active_means=active_means,
        revenue=float(figures["revenue"] or 0) if revenue else None,
        revenue_column=revenue,
        blanks=sum(shares) / len(shares) if shares else 0.0,
        blank_columns=sum(share > 0 for share in shares),
    )


def duplicate_ids(warehouse: Warehouse) -> int:
    """How many rows have a blank id or one that another row has too; on a large base this is the slowest figure."""
    view = warehouse.features
    counted = sa.func.count() - sa.func.count(sa.distinct(warehouse.id_of(view)))
    return warehouse.unguarded.rows(sa.select(counted.label("n")).select_from(view))[0]["n"]


def top_customers(warehouse: Warehouse, limit: int = 10) -> list[Row]:
    """The customers with the highest revenue, or the first by id without such a column; `ViewUnusable` when none."""
    catalog = warehouse.catalog()
    view, revenue = catalog.view, column_for("revenue", catalog.columns, warehouse.settings)
    order = [filled(view.c[revenue.name]).desc().nulls_last()] if revenue else []
    found = warehouse.rows(sa.select(view).order_by(*order, warehouse.id_of(view)).limit(limit))
    if not found:
        raise _no_rows(warehouse)
    return found


def _no_rows(warehouse: Warehouse) -> ViewUnusable:
    return ViewUnusable(
        f"The features view {warehouse.settings.dwh_customer_features_table} has no rows.",
        remedy="Load data into it, or point DWH_CUSTOMER_FEATURES_TABLE to another view.",
    )


def _active(warehouse: Warehouse, catalog: Catalog) -> tuple[sa.ColumnElement[bool] | None, str]:
    columns, view, days = catalog.columns, catalog.view, warehouse.settings.active_within_days
    if recency := column_for("recency", columns, warehouse.settings):
        return filled(view.c[recency.name]) <= days, f"bought within the last {days} days"
    status = column_for("status", columns, warehouse.settings)
    if status and any(str(value).lower() == "active" for value, _ in status.top_values):
        return sa.func.lower(view.c[status.name]) == "active", f"{status.label} is active"
    return None, ""
