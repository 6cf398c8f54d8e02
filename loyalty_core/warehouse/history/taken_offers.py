"""What was taken, or whether anything was, by a history of offers; in SQL over its rows."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa

# A history of what was taken may say in a column of its own that nothing was.
FLAG = "converted"
OUTCOME = "outcome_of_row"
# As text, since the columns may have any type.
_NOTHING = ("0", "0.0", "0.00", "nan", "NaN")
_NO = ("0", "false", "False", "FALSE", "f", "no")


def with_outcome(
    rows: sa.FromClause,
    taken: Literal["what", "whether"],
    label: sa.ColumnElement[Any],
    day: str | None,
    flag: str | None,
) -> sa.FromClause:
    """The rows with what was taken, NULL for nothing; or with whether anything was, 1 or 0.

    Nothing was taken where the label is blank or 0, or the flag says no. Rows after the last day on which anything was
    taken are too recent to say so.
    """
    nothing = sa.or_(label.is_(None), _is_one_of(label, _NOTHING))
    if flag is not None:
        nothing = sa.or_(nothing, sa.and_(rows.c[flag].is_not(None), _is_one_of(rows.c[flag], _NO)))
    what = sa.case((~nothing, label)).label(OUTCOME)
    read = sa.select(rows, what).subquery("history_read")
    if taken == "what":
        return read
    whether = sa.case((read.c[OUTCOME].is_not(None), 1), else_=0)
    if day is not None:
        others = read.alias("history_taken")
        last = sa.select(sa.func.max(others.c[day])).where(others.c[OUTCOME].is_not(None)).scalar_subquery()
        whether = sa.case((read.c[day] <= last, whether))
    others = [column for column in read.c if column.name != OUTCOME]
    return sa.select(*others, whether.label(OUTCOME)).subquery("history_outcomes")


def _is_one_of(column: sa.ColumnElement[Any], texts: tuple[str, ...]) -> sa.ColumnElement[bool]:
    return sa.cast(column, sa.Text).in_(texts)
