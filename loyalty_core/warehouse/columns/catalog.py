"""Which columns the features view has, and what is in them: two or three queries for any number of columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from loyalty_core.errors import QueryTimeout
from loyalty_core.rules.sql.elements import Exact
from loyalty_core.warehouse.columns.blanks import filled
from loyalty_core.warehouse.columns.labels import group_of, label_of
from loyalty_core.warehouse.columns.value_counts import Counted, value_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.sql.elements import KeyedColumnElement

    from loyalty_core.warehouse.dialects import Dialect

    Rows = Callable[[sa.Executable], list[dict[str, Any]]]

Kind = Literal["number", "boolean", "text", "date", "datetime", "other"]

_TOP_VALUES = 12
_SAMPLE_ROWS = 10_000
# A text column with more different values than this, in the sample where there is one, holds names or ids.
_MAX_CATEGORIES = 1_000
_WITH_RANGE = frozenset({"number", "date", "datetime"})


@dataclass(frozen=True)
class Column:
    """One column of the features view.

    `blanks` is the share of customers without a value (0–1), None when the statistics took too long. Among them are
    `out_of_range` values: dates in the warehouse that Python cannot represent. `minimum` and `maximum` are there
    for numbers and dates, `top_values` (value, customers), most frequent first, for categories and booleans.
    `different` is about how many different texts there are, where the database estimates that.
    `is_masked`: it holds personal data that the viewer may not see, so nothing is known of its values.
    """

    name: str
    kind: Kind
    group: str
    label: str
    description: str = ""
    blanks: float | None = None
    out_of_range: int = 0
    minimum: Any = None
    maximum: Any = None
    top_values: tuple[tuple[Any, int], ...] = ()
    is_masked: bool = False
    different: int | None = field(default=None, compare=False)  # an estimate, which differs between databases


@dataclass(frozen=True)
class Catalog:
    """All columns of the features view as they were at `read_at` (UTC).

    `customers` is None when counting timed out. `unreadable` are the names of columns that the account may not read.
    `view` is what was read; a statement about these columns selects from it.
    """

    customers: int | None
    columns: tuple[Column, ...]
    read_at: datetime
    view: sa.FromClause = field(repr=False, compare=False)
    unreadable: tuple[str, ...] = ()

    def get(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


def read_catalog(
    rows: Rows,
    view: sa.FromClause,
    dialect: Dialect,
    *,
    described: Sequence[Column] | None = None,
    unreadable: Sequence[str] = (),
) -> Catalog:
    """Describe every column of `view`; without statistics when the warehouse is too slow for them.

    `rows` runs a statement and returns its rows, as `Warehouse.rows` does; `dialect` is that of its database.
    `described` are the columns to describe, by default all of the view's.
    """
    columns, customers = list(described or describe(view)), None
    try:
        customers, columns = _with_ranges(rows, view, columns, dialect)
        top_values = _top_values(rows, view, columns, dialect)
    except QueryTimeout:
        pass
    else:
        columns = [replace(column, top_values=top_values.get(column.name, ())) for column in columns]
    return Catalog(customers, tuple(columns), datetime.now(UTC), view, tuple(unreadable))


def describe(view: sa.FromClause) -> list[Column]:
    """The columns of a relation, without statistics; a label that several share has the name beside it."""
    columns = [_describe(column) for column in view.columns]
    times = Counter(column.label for column in columns)
    return [
        column if times[column.label] == 1 else replace(column, label=f"{column.label} ({column.name})")
        for column in columns
    ]


def kind_of(column_type: sa.types.TypeEngine[Any]) -> Kind:
    """The kind of value a column type holds."""
    match column_type:
        case sa.Boolean():
            return "boolean"
        case sa.Integer() | sa.Numeric() | sa.Float():
            return "number"
        case sa.DateTime():
            return "datetime"
        case sa.Date():
            return "date"
        case sa.String() | sa.Uuid():
            return "text"
        case _:
            return "other"


def as_compared(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as rules compare it: texts character by character, also where the column ignores case."""
    is_text = isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum)
    return Exact(column) if is_text else column


def _describe(column: KeyedColumnElement[Any]) -> Column:
    return Column(
        name=str(column.name),
        kind=kind_of(column.type),
        group=group_of(column.name),
        label=label_of(column.name),
        description=getattr(column, "comment", None) or "",
    )


def _with_ranges(
    rows: Rows, view: sa.FromClause, columns: Sequence[Column], dialect: Dialect
) -> tuple[int, list[Column]]:
    """Count customers, blanks and ranges."""
    customers = 0
    described: list[Column] = []
    at_once = dialect.columns_per_statement
    for start in range(0, len(columns), at_once):
        part = columns[start : start + at_once]
        facts = rows(sa.select(sa.func.count().label("n"), *_range_expressions(view, part, dialect)))[0]
        customers = facts["n"]
        for index, column in enumerate(part):
            present = facts[f"filled_{index}"]
            blanks = (customers - present) / customers if customers else 0.0
            out_of_range = facts.get(f"stored_{index}", present) - present
            lowest, highest = facts.get(f"min_{index}"), facts.get(f"max_{index}")
            found = {"minimum": lowest, "maximum": highest, "different": facts.get(f"different_{index}")}
            described.append(replace(column, blanks=blanks, out_of_range=out_of_range, **found))
    return customers, described


def _range_expressions(
    view: sa.FromClause, columns: Sequence[Column], dialect: Dialect
) -> Iterator[sa.ColumnElement[Any]]:
    for index, column in enumerate(columns):
        stored = view.c[column.name]
        is_compared = column.kind in _WITH_RANGE or isinstance(stored.type, sa.JSON)
        value = dialect.readable(stored) if is_compared else stored
        yield sa.func.count(filled(value)).label(f"filled_{index}")
        if column.kind in {"date", "datetime"}:
            yield sa.func.count(stored).label(f"stored_{index}")
        if column.kind in _WITH_RANGE:
            yield sa.func.min(filled(value)).label(f"min_{index}")
            yield sa.func.max(filled(value)).label(f"max_{index}")
        different = dialect.different_values(as_compared(stored)) if column.kind == "text" else None
        if different is not None:
            yield different.label(f"different_{index}")


def _top_values(
    rows: Rows, view: sa.FromClause, columns: Sequence[Column], dialect: Dialect
) -> dict[str, tuple[tuple[Any, int], ...]]:
    """The most frequent values of every category, all columns in one statement."""
    names = _categories(rows, view, columns)
    if not names:
        return {}
    found: dict[str, list[tuple[Any, int]]] = {name: [] for name in names}
    for row in rows(_counts(view, [dialect.readable(view.c[name]) for name in names], dialect)):
        found[names[row["position"]]].append((row["value"], row["customers"]))
    kinds = {column.name: column.kind for column in columns}
    return {
        name: tuple(
            (value == "true" if kinds[name] == "boolean" else value, n)
            for value, n in sorted(values, key=lambda pair: (-pair[1], pair[0]))[:_TOP_VALUES]
        )
        for name, values in found.items()
    }


def _counts(
    view: sa.FromClause, columns: Sequence[sa.ColumnElement[Any]], dialect: Dialect
) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Of every value where it is known that there are few, else of the most frequent ones of each."""
    if dialect.uses_sketches:
        return value_counts(dialect, view, [Counted(column, _as_text(column)) for column in columns])
    return sa.union_all(*(_most_frequent(view, column, index) for index, column in enumerate(columns)))


def _categories(rows: Rows, view: sa.FromClause, columns: Sequence[Column]) -> list[str]:
    """The texts and booleans with few values: where the database does not estimate how many, as in a sample."""
    candidates = [column for column in columns if column.kind in {"text", "boolean"} and column.blanks != 1]
    known = {column.name: column.different for column in candidates if column.different is not None}
    unknown = [column.name for column in candidates if column.kind == "text" and column.name not in known]
    different = known | _different_in_sample(rows, view, unknown)
    return [column.name for column in candidates if different.get(column.name, 0) <= _MAX_CATEGORIES]


def _different_in_sample(rows: Rows, view: sa.FromClause, names: Sequence[str]) -> dict[str, int]:
    if not names:
        return {}
    sample = sa.select(*(view.c[name] for name in names)).limit(_SAMPLE_ROWS).subquery()
    distinct = [sa.func.count(sa.distinct(sample.c[name])).label(f"d{i}") for i, name in enumerate(names)]
    counts = rows(sa.select(*distinct))[0]
    return {name: counts[f"d{i}"] for i, name in enumerate(names)}


def _most_frequent(view: sa.FromClause, column: sa.ColumnElement[Any], position: int) -> sa.Select:
    column = as_compared(column)
    customers = sa.func.count().label("customers")
    value = _as_text(column).label("value")
    counted = (
        sa.select(value, customers)
        .select_from(view)
        .where(column.is_not(None))
        .group_by(column)
        .order_by(customers.desc(), value)
        .limit(_TOP_VALUES)
        .subquery()
    )
    return sa.select(sa.literal_column(str(position)).label("position"), counted.c.value, counted.c.customers)


def _as_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    if isinstance(column.type, sa.Boolean):
        return sa.case((column.is_(sa.true()), "true"), (column.is_(sa.false()), "false"))
    return sa.cast(column, sa.Text)
