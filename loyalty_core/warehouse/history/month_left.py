"""When customers left, in months after the day of a row; in SQL over the rows of a history."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from loyalty_core.warehouse.history.table import HORIZON_DAYS


def month_left(
    rows: sa.FromClause, left: sa.ColumnElement[Any], day: str, followed_until: str | None
) -> sa.ColumnElement[Any]:
    """The month after `day` in which the customer left: 1, 2, 3, or 4 for later; a month has 30 days.

    Rows that were followed for two months have 5, 6, or 7 for later, those followed for one month 8, or 9 for later. A
    month that was not followed to its end does not count, since only those who left would be known in it. NULL for
    customers who had left before, or were not followed for a month. Without a column that says until when they were,
    all were followed until the last date of the table.
    """
    left_on, start = sa.cast(left, sa.Date), sa.cast(rows.c[day], sa.Date)
    if followed_until is not None:
        known: sa.ColumnElement[Any] = sa.cast(rows.c[followed_until], sa.Date)
    else:
        others = rows.alias("history_followed")
        dates = sa.func.max(sa.cast(others.c[left.name], sa.Date)), sa.func.max(sa.cast(others.c[day], sa.Date))
        known = sa.select(sa.case((dates[0] > dates[1], dates[0]), else_=dates[1])).scalar_subquery()
    first, second, third = (start + sa.literal_column(f"INTERVAL '{days}' DAY") for days in HORIZON_DAYS)
    return sa.case(
        (sa.or_(known.is_(None), known < first, left_on < start), sa.null()),
        (known < second, sa.case((left_on <= first, 8), else_=9)),
        (known < third, sa.case((left_on <= first, 5), (left_on <= second, 6), else_=7)),
        else_=sa.case((left_on <= first, 1), (left_on <= second, 2), (left_on <= third, 3), else_=4),
    )
