"""SegmentationEngine: who belongs to a rule, counted and listed by the warehouse, explained for one customer."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.errors import CustomerNotFound, LoyaltyError
from loyalty_core.segments.errors import BadSegment
from loyalty_core.segments.exports import rows as export
from loyalty_core.segments.fields import SEGMENTS_GROUP, RuleFields
from loyalty_core.segments.figures import (
    Agreement,
    Page,
    column_of,
    counting,
    members_page,
    overlap,
    profile,
    readable_sql,
)
from loyalty_core.segments.figures.agreement import agreement
from loyalty_core.warehouse.columns.distribution import Histogram, histogram
from loyalty_core.warehouse.customers.ids import read_id

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from loyalty_core.rules import Explanation, Rule
    from loyalty_core.segments.repository import Segment, SegmentDraft, SegmentRepository, SegmentSize
    from loyalty_core.warehouse import Column, Warehouse
    from loyalty_core.warehouse.connection import Row

_NEARLY_THE_SAME = 0.9
_EXPORT_ROWS = 32_768


class SegmentationEngine:
    """Answers every question about a rule on the whole base in SQL and about one customer in Python.

    A rule is JSONLogic over `fields()`. Every method raises `RuleError` for a faulty rule, `PredictionsMissing` for
    one that reads predictions before the first scoring run, and the warehouse's own errors.
    """

    def __init__(self, warehouse: Warehouse, repository: SegmentRepository | None = None) -> None:
        self._warehouse = warehouse
        self._repository = repository
        self._fields = RuleFields(warehouse, repository)

    def fields(self, segment_id: str | None = None) -> list[Column]:
        """What a rule may read: columns, predictions, other segments; for a segment without those built on it."""
        return self._fields.all(segment_id)

    def compile(self, rule: Any, segment_id: str | None = None) -> Rule:
        """The rule bound to the fields as they are now."""
        return self._fields.compile(rule, segment_id)

    def count(self, rule: Any) -> int:
        """How many customers belong."""
        bound = self.compile(rule)
        return counting.count_members(self._warehouse, self._relation(bound), bound)

    def size(self, rule: Any, segment_id: str | None = None) -> counting.Preview:
        """Members and customers only, in a third of the time that all of `preview` takes."""
        bound = self.compile(rule, segment_id)
        return counting.size(self._warehouse, self._relation(bound), bound)

    def preview(self, rule: Any, segment_id: str | None = None) -> counting.Preview:
        """Size, count and blanks of each condition, and the funnel, in one statement."""
        bound = self.compile(rule, segment_id)
        return counting.preview(self._warehouse, self._relation(bound), bound)

    def members(
        self,
        rule: Any,
        limit: int = 50,
        offset: int = 0,
        *,
        sort: str | None = None,
        descending: bool = False,
        search: str = "",
        columns: Sequence[str] = (),
    ) -> list[Row]:
        """One page of the customers who belong, with the columns asked for or all of the features view's.

        Ordered by `sort`, blanks last, then by id; `search` keeps ids that start with it and names that contain it.
        """
        bound = self.compile(rule)
        page = Page(limit, offset, sort, descending, search)
        relation = self._relation(bound, *columns, *([sort] if sort else []))
        return members_page(self._warehouse, relation, bound, page, columns)

    def matches(self, rule: Any, customer_id: object) -> bool:
        """Whether one customer belongs; raises `CustomerNotFound`."""
        bound = self.compile(rule)
        return bound.matches(self._features(bound, customer_id))

    def explain(self, rule: Any, customer_id: object) -> Explanation:
        """Why one customer belongs or not: each condition with the actual value, and what would turn it around."""
        bound = self.compile(rule)
        return bound.explain(self._features(bound, customer_id))

    def profile(self, rule: Any) -> profile.Profile:
        """The segment against the base, predictions included once there are some."""
        bound = self.compile(rule)
        identifier = self._warehouse.customer_id.name
        compared = [field for field in self.fields() if field.group != SEGMENTS_GROUP and field.name != identifier]
        relation = self._relation(bound, *(field.name for field in compared))
        return profile.compare(self._warehouse, relation, bound, compared)

    def histogram(self, field: str, bars: int = 20) -> Histogram | None:
        """How all customers are spread over a number field; None when it is blank for everyone."""
        return histogram(self._warehouse, self._relation(field).c[field], bars)

    def overlap(self, rules: Mapping[str, Any]) -> overlap.Overlap:
        """How up to six rules share their customers, by the names given."""
        bound = {name: self.compile(rule) for name, rule in rules.items()}
        return overlap.overlap(self._warehouse, self._relation(*bound.values()), bound)

    def near_duplicates(self, rule: Any, segment_id: str | None = None) -> tuple[overlap.Similar, ...]:
        """Kept segments, by id, that share at least nine in ten customers with the rule."""
        kept = self._repository.list() if self._repository else []
        bound = self.compile(rule)
        others = {one.id: usable for one in kept if one.id != segment_id and (usable := self._usable(one))}
        relation = self._relation(bound, *others.values())
        return overlap.most_similar(self._warehouse, relation, bound, others, _NEARLY_THE_SAME)

    def sql(self, rule: Any, database: str | None = None) -> str:
        """The statement that selects the members' ids, values written out; for another database of `DATABASES` too."""
        bound = self.compile(rule)
        return readable_sql(self._warehouse, self._relation(bound), bound, database)

    def customers(self, rule: Any, fields: Sequence[str]) -> sa.Subquery:
        """The members as a relation with these fields, one row each, for statements that count or list them."""
        bound = self.compile(rule)
        relation = self._relation(bound, *fields)
        return sa.select(*(relation.c[name] for name in fields)).where(bound.to_sql(relation, where=True)).subquery()

    def marked_customers(self, rules: Sequence[Rule], fields: Sequence[str]) -> sa.Select:
        """Every customer who has an id, with these fields, and for each rule of `compile` 1 where it holds, else 0."""
        relation = self._relation(*rules, *fields)
        holds = [rule.to_sql(relation, where=True) for rule in rules]
        marks = [sa.case((condition, 1), else_=0).label(f"mark_{place}") for place, condition in enumerate(holds)]
        identifier = relation.c[self._warehouse.customer_id.name]
        return sa.select(*(column_of(relation, name) for name in fields), *marks).where(identifier.is_not(None))

    def usable(self, segments: Iterable[Segment]) -> list[tuple[Segment, Rule]]:
        """Those of the segments whose rules can be used as the fields are now, with their rules."""
        return [(segment, rule) for segment in segments if (rule := self._usable(segment))]

    def agreement(self, rule: Any, sample: int = 200) -> Agreement:
        """Whether SQL and the reading of single customers say the same of up to `sample` customers."""
        bound = self.compile(rule)
        return agreement(self._warehouse, self._relation(bound), bound, sample)

    def stream(self, rule: Any, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Every member as Arrow batches, with the columns asked for or all of the features view's."""
        bound = self.compile(rule)
        relation = self._relation(bound, *columns)
        names = columns or self._warehouse.features.columns.keys()
        wanted = sa.select(*(column_of(relation, name) for name in names))
        yield from self._warehouse.stream_arrow(wanted.where(bound.to_sql(relation, where=True)), _EXPORT_ROWS)

    def export(self, rule: Any, file: IO[bytes], form: export.Format, columns: Sequence[str] = ()) -> int:
        """Write every member to `file` as CSV or Parquet, streamed; returns how many."""
        return export.write_members(self.stream(rule, columns), file, form)

    def export_parts(self, rule: Any, form: export.Format, columns: Sequence[str] = ()) -> Generator[bytes]:
        """The same file part by part, for sending it while it is written."""
        return export.member_parts(self.stream(rule, columns), form)

    def create(self, draft: SegmentDraft, *, actor: str) -> Segment:
        """Keep a new segment once its rule can be used; it is computed with `refresh`."""
        self.compile(draft.rule)
        return self._kept.create(draft, actor=actor)

    def update(self, segment_id: str, draft: SegmentDraft, *, actor: str, expected_version: int) -> Segment:
        """Keep a new version; raises `SegmentChanged` when somebody else saved one meanwhile."""
        self.compile(draft.rule)
        return self._kept.update(segment_id, draft, actor=actor, expected_version=expected_version)

    def restore(self, segment_id: str, number: int, *, actor: str) -> Segment:
        """Save version `number` again as the newest, once its rule can still be used."""
        versions = {version.number: version for version in self._kept.versions(segment_id)}
        if number in versions:
            self.compile(versions[number].rule)
        return self._kept.restore(segment_id, number, actor=actor)

    def refresh(self, segment_id: str, *, cause: str = "on demand") -> SegmentSize:
        """Compute the members anew and keep them; a failure is kept beside the last good size, and raised."""
        segment = self._kept.get(segment_id)
        try:
            bound = self.compile(segment.rule)
            base = counting.count_customers(self._warehouse)
            return self._kept.replace_members(
                segment_id, self._member_ids(bound), base=base, version=segment.version, cause=cause
            )
        except LoyaltyError as error:
            with suppress(LoyaltyError):  # where that cannot be kept either, the first error is the one to tell
                self._kept.record_fault(segment_id, str(error))
            raise

    @property
    def _kept(self) -> SegmentRepository:
        if self._repository is None:
            raise BadSegment("No segments are kept here.", remedy="Give the engine a SegmentRepository.")
        return self._repository

    def _relation(self, *rules: Rule | str) -> sa.FromClause:
        names = (name for rule in rules for name in ((rule,) if isinstance(rule, str) else rule.columns))
        return self._fields.relation(dict.fromkeys(names))

    def _features(self, rule: Rule, customer_id: object) -> Row:
        """One customer's values of the rule's fields, from the same relation that the whole base is counted in."""
        identifier = self._warehouse.customer_id
        value = read_id(customer_id, identifier.type)
        relation = self._relation(rule)
        names = dict.fromkeys((identifier.name, *rule.columns))
        wanted = sa.select(*(relation.c[name] for name in names)).where(relation.c[identifier.name] == value)
        found = self._warehouse.rows(wanted.limit(1)) if value is not None else []
        if not found:
            raise CustomerNotFound(
                f"No customer has the id {str(customer_id)[:60]!r}.",
                remedy="Check the id, or search by the first characters, a name or an e-mail address.",
            )
        return found[0]

    def _member_ids(self, rule: Rule) -> Iterator[list[str]]:
        relation = self._relation(rule)
        identifier = sa.cast(relation.c[self._warehouse.customer_id.name], sa.Text).label("customer_id")
        wanted = sa.select(identifier).where(rule.to_sql(relation, where=True), identifier.is_not(None))
        for batch in self._warehouse.stream_arrow(wanted, _EXPORT_ROWS):
            yield batch.column(0).to_pylist()

    def _usable(self, segment: Segment) -> Rule | None:
        try:
            bound = self.compile(segment.rule)
            self._relation(bound)  # a segment that it reads may be the one that cannot be used
            return bound
        except LoyaltyError:
            return None
