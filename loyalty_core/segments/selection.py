"""The customers of one rule, compiled once for any number of questions."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.access import Action, require
from loyalty_core.errors import CustomerNotFound
from loyalty_core.rules.relative_dates import is_relative
from loyalty_core.segments.errors import PersonalDataHidden
from loyalty_core.segments.exports import rows as export
from loyalty_core.segments.figures import (
    Agreement,
    Page,
    Preview,
    Profile,
    column_of,
    counting,
    members_page,
    profile,
    readable_sql,
)
from loyalty_core.segments.figures.agreement import agreement
from loyalty_core.warehouse.customers import read_id, unrounded

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    import pyarrow as pa

    from loyalty_core.rules import Explanation, Rule
    from loyalty_core.segments.fields import RuleFields
    from loyalty_core.segments.relative_dates import ReferenceDay
    from loyalty_core.warehouse import Column, Warehouse
    from loyalty_core.warehouse.connection import Row

_EXPORT_ROWS = 32_768


class Selection:
    """A rule bound to the fields as they were read once: the whole base is asked in SQL, one customer in Python.

    Short-lived: it answers from the predictions and the segments that there were when it was made. Every method that
    asks the warehouse raises the warehouse's errors.
    """

    def __init__(self, warehouse: Warehouse, fields: RuleFields, rule: Any) -> None:
        self._warehouse = warehouse
        self.fields = fields
        self.rule: Rule = fields.compile(rule)

    def describe(self) -> str:
        """The rule as an English sentence."""
        return self.rule.describe()

    def reference_day(self) -> ReferenceDay | None:
        """The day that the rule counts relative dates from; None for a rule without any."""
        return self.fields.days.read() if is_relative(self.rule.to_json()) else None

    def count(self) -> int:
        """How many customers belong; raises `GroupTooSmall`, as do `size` and `preview`."""
        if self._warehouse.smallest_group:
            return self.size().members
        return counting.count_members(self._warehouse, self.relation(), self.rule)

    def size(self) -> Preview:
        """Members and customers only, in a third of the time that all of `preview` takes."""
        found = counting.size(self._warehouse.unguarded, self.relation(), self.rule)
        # An empty rule gives the size of the base, from which nothing is left out.
        base = found.customers if self.rule.to_json() else found.customers + self._warehouse.smallest_group
        self._warehouse.require_group(found.members, base)
        return found

    def preview(self) -> Preview:
        """Size, count and blanks of each condition, and the funnel, in one statement.

        The size alone for viewers who see no small groups.
        """
        if self._warehouse.smallest_group:
            return self.size()
        return counting.preview(self._warehouse, self.relation(), self.rule)

    def members(
        self,
        limit: int = 50,
        offset: int = 0,
        *,
        sort: str | None = None,
        descending: bool = False,
        search: str = "",
        columns: Sequence[str] = (),
        after: object = None,
    ) -> list[Row]:
        """One page of the customers who belong, with the columns asked for or all of the features view's.

        Ordered by `sort`, blanks last, then by id; `search` finds ids that start with it and names that contain it.
        `after` leaves out customers up to that id, which only makes sense in the order of ids.
        """
        page = Page(limit, offset, sort, descending, search, after)
        relation = self.relation(*columns, *([sort] if sort else []))
        return members_page(self._warehouse, relation, self.rule, page, columns or self.fields.features)

    def matches(self, customer_id: object) -> bool:
        """Whether one customer belongs; raises `CustomerNotFound`."""
        return self.rule.matches(self._features(customer_id))

    def belonging(self, customer_ids: Iterable[object]) -> tuple[dict[str, bool], tuple[str, ...]]:
        """Whether each of some customers belongs, by id as saved with members, in one statement; and unknown ids."""
        identifier, relation = self._warehouse.id_of(self.fields.view), self.relation()
        values = {str(one): read_id(one, identifier.type) for one in customer_ids}
        wanted = {value for value in values.values() if value is not None}
        column = relation.c[identifier.name]
        belongs = sa.case((self._belongs(relation), 1), else_=0).label("belongs")
        text = sa.cast(column, sa.Text).label("text")
        asked = sa.select(column.label("id"), text, belongs)
        rows = self._warehouse.rows(asked.where(self._warehouse.dialect.is_one_of(column, wanted))) if wanted else []
        found = {read_id(row["id"], identifier.type): row for row in rows}
        unknown = tuple(one for one, value in values.items() if value is None or value not in found)
        return {row["text"]: bool(row["belongs"]) for value, row in found.items() if value in wanted}, unknown

    def explain(self, customer_id: object) -> Explanation:
        """Why one customer belongs or not: each condition with the actual value, and what would turn it around."""
        return self.rule.explain(self._features(customer_id))

    def profile(self) -> Profile:
        """The customers against the base, predictions included once there are some."""
        parts = self._parts(self.fields.compared())
        return profile.compare(
            self._warehouse, self.rule, [(self.relation(*(one.name for one in part)), part) for part in parts]
        )

    def _parts(self, fields: Sequence[Column]) -> Iterator[Sequence[Column]]:
        """As many fields together as one statement computes; those of the view apart from those that need a join."""
        at_once = self._warehouse.dialect.columns_per_statement
        if len(fields) <= at_once:
            yield fields
            return
        own = [field for field in fields if field.name in self.fields.features]
        own.sort(key=lambda field: (bool(field.top_values), field.kind))  # numbers and categories are asked for apart
        yield from (own[start : start + at_once] for start in range(0, len(own), at_once))
        # Each relation of predictions joins them, which takes longer than a long statement.
        if joined := [field for field in fields if field.name not in self.fields.features]:
            yield joined

    def agreement(self, sample: int = 200) -> Agreement:
        """Whether SQL and the reading of single customers say the same of up to `sample` customers."""
        return agreement(self._warehouse, self.relation(), self.rule, sample)

    def sql(self, database: str | None = None) -> str:
        """The statement that selects the members' ids, values written out; for another database of `DATABASES` too."""
        return readable_sql(self._warehouse, self.relation(), self.rule, database)

    def customers(self, fields: Sequence[str]) -> sa.Subquery:
        """The members as a relation with these fields, one row each, for statements that count or list them."""
        relation = self.relation(*fields)
        return sa.select(*(relation.c[name] for name in fields)).where(self._belongs(relation)).subquery()

    def stream(self, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Every member as Arrow batches, with the columns asked for or all of the features view's that may be seen."""
        relation = self.relation(*columns)
        masked = self._warehouse.masked
        if personal := masked.intersection(columns):
            raise PersonalDataHidden(personal)
        every = [name for name in self.fields.features if name not in masked]
        names = dict.fromkeys(columns or every)
        identifier = self._warehouse.customer_id.name
        columns_read = {name: column_of(relation, name) for name in names}
        if identifier in columns_read:
            columns_read[identifier] = unrounded(columns_read[identifier])
        wanted = sa.select(*columns_read.values()).where(self._belongs(relation))
        yield from self._warehouse.stream_arrow(wanted, _EXPORT_ROWS, exact=True)

    def export(self, file: IO[bytes], form: export.Format, columns: Sequence[str] = ()) -> int:
        """Write every member to `file` as CSV or Parquet, streamed; returns how many. Needs EXPORT."""
        require(Action.EXPORT)
        return export.write_members(self.stream(columns), file, form, bom=self._warehouse.settings.exports_csv_bom)

    def export_parts(self, form: export.Format, columns: Sequence[str] = ()) -> Generator[bytes]:
        """The same file part by part, for sending it while it is written. Needs EXPORT."""
        require(Action.EXPORT)
        return export.member_parts(self.stream(columns), form, bom=self._warehouse.settings.exports_csv_bom)

    def ids(self) -> Iterator[list[str]]:
        """The ids of all members as text, in batches."""
        relation = self.relation()
        identifier = sa.cast(relation.c[self._warehouse.customer_id.name], sa.Text).label("customer_id")
        wanted = sa.select(identifier).where(self._belongs(relation), identifier.is_not(None))
        for batch in self._warehouse.stream_arrow(wanted, _EXPORT_ROWS):
            yield batch.column(0).to_pylist()

    def relation(self, *fields: str) -> sa.FromClause:
        """One row for each customer, with what the rule reads and these fields."""
        return self.fields.relation((*self.rule.columns, *fields))

    def _belongs(self, relation: sa.FromClause) -> sa.ColumnElement[bool]:
        return self.rule.to_sql(relation, where=True)

    def _features(self, customer_id: object) -> Row:
        """One customer's values of the rule's fields, from the same relation that the whole base is counted in."""
        identifier = self._warehouse.id_of(self.fields.view)
        value = read_id(customer_id, identifier.type)
        relation = self.relation()
        names = dict.fromkeys((identifier.name, *self.rule.columns))
        wanted = sa.select(*(relation.c[name] for name in names)).where(relation.c[identifier.name] == value)
        found = self._warehouse.rows(wanted.limit(1)) if value is not None else []
        if not found:
            raise CustomerNotFound(
                f"No customer has the id {str(customer_id)[:60]!r}.",
                remedy="Check the id, or search by the first characters, a name or an e-mail address.",
            )
        return found[0]
