"""SegmentationEngine: who belongs to a rule, counted and listed by the warehouse, explained for one customer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.access import Action, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.segments.errors import BadSegment, SegmentNotFound
from loyalty_core.segments.fields import FieldReader
from loyalty_core.segments.figures import column_of, counting, overlap
from loyalty_core.segments.repository import differences
from loyalty_core.segments.segment import CustomersRefreshed, VersionComparison
from loyalty_core.segments.selection import Selection
from loyalty_core.warehouse.columns import Histogram, histograms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loyalty_core.rules import Rule
    from loyalty_core.segments.fields import RuleFields
    from loyalty_core.segments.figures import Profile
    from loyalty_core.segments.repository import Segment, SegmentDraft, SegmentRepository, SegmentSize
    from loyalty_core.warehouse import Column, Warehouse
    from loyalty_core.warehouse.connection import Row

_NEARLY_THE_SAME = 0.9


class SegmentationEngine:
    """Answers questions about rules, and saves segments whose rules can be used.

    A rule is JSONLogic over `fields()`. Every method raises `RuleError` for a faulty rule, `PredictionsMissing` for
    one that reads predictions before the first scoring run, and the warehouse's own errors. Whoever has several
    questions about one rule asks them of `select(rule)`, which compiles it once.
    """

    def __init__(self, warehouse: Warehouse, repository: SegmentRepository | None = None) -> None:
        self._warehouse = warehouse
        self._repository = repository
        self._reader = FieldReader(warehouse, repository)

    def read_fields(self, segment_id: str | None = None) -> RuleFields:
        """The fields as they are now, for compiling several rules; for a segment without those built on it."""
        return self._reader.read(segment_id)

    def fields(self, segment_id: str | None = None) -> list[Column]:
        """What a rule may read: columns, predictions, other segments; for a segment without those built on it."""
        return list(self.read_fields(segment_id).columns)

    def select(self, rule: Any, segment_id: str | None = None, *, fields: RuleFields | None = None) -> Selection:
        """The customers of a rule, bound to the fields as they are now, or as `fields` has them."""
        return Selection(self._warehouse, fields or self.read_fields(segment_id), rule)

    def compile(self, rule: Any, segment_id: str | None = None) -> Rule:
        """The rule bound to the fields as they are now."""
        return self.read_fields(segment_id).compile(rule)

    def count(self, rule: Any) -> int:
        """How many customers belong."""
        return self.select(rule).count()

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
        """One page of the customers who belong, as `Selection.members` gives them."""
        page = self.select(rule).members
        return page(limit, offset, sort=sort, descending=descending, search=search, columns=columns)

    def matches(self, rule: Any, customer_id: object) -> bool:
        """Whether one customer belongs; raises `CustomerNotFound`."""
        return self.select(rule).matches(customer_id)

    def profile(self, rule: Any) -> Profile:
        """The segment against the base, predictions included once there are some."""
        return self.select(rule).profile()

    def histogram(self, field: str, bars: int = 20) -> Histogram | None:
        """How all customers are spread over a number field; None when it is blank for everyone."""
        return self.histograms([field], bars)[field]

    def histograms(self, names: Sequence[str], bars: int = 20) -> dict[str, Histogram | None]:
        """That of each of these number fields."""
        fields = self.read_fields()
        found: dict[str, Histogram | None] = {}
        own = [name for name in names if name in fields.features]
        for together in (own, [name for name in names if name not in own]):
            relation = fields.relation(together)  # fields of the view alone need no join with predictions
            spreads = histograms(self._warehouse, [relation.c[name] for name in together], bars) if together else ()
            found.update(zip(together, spreads, strict=True))
        return found

    def overlap(self, rules: Mapping[str, Any]) -> overlap.Overlap:
        """How up to six rules share their customers, by the names given."""
        fields = self.read_fields()
        bound = {name: fields.compile(rule) for name, rule in rules.items()}
        return overlap.overlap(self._warehouse, _relation(fields, bound.values()), bound)

    def count_each(self, rules: Mapping[str, Any]) -> tuple[int, dict[str, int]]:
        """The number of all customers, and of those each rule holds for; rules that cannot be used are left out."""
        fields = self.read_fields()
        bound = {name: usable for name, rule in rules.items() if (usable := _usable(rule, fields))}
        return counting.count_each(self._warehouse, _relation(fields, bound.values()), bound)

    def near_duplicates(self, rule: Any, segment_id: str | None = None) -> tuple[overlap.Similar, ...]:
        """Saved segments that share at least nine in ten customers with the rule, apart from `segment_id`."""
        fields = self.read_fields()
        bound = fields.compile(rule)
        saved = self._repository.list() if self._repository else []
        others = {one.id: usable for one in saved if one.id != segment_id and (usable := _usable(one.rule, fields))}
        relation = _relation(fields, [bound, *others.values()])
        return overlap.most_similar(self._warehouse, relation, bound, others, _NEARLY_THE_SAME)

    def marked_customers(self, rules: Sequence[Rule], fields: Sequence[str]) -> sa.Select:
        """Every customer who has an id, with these fields, and for each rule of `compile` 1 where it holds, else 0."""
        relation = _relation(self.read_fields(), rules, fields)
        holds = [rule.to_sql(relation, where=True) for rule in rules]
        marks = [sa.case((condition, 1), else_=0).label(f"mark_{index}") for index, condition in enumerate(holds)]
        identifier = relation.c[self._warehouse.customer_id.name]
        return sa.select(*(column_of(relation, name) for name in fields), *marks).where(identifier.is_not(None))

    def usable(self, segments: Iterable[Segment]) -> list[tuple[Segment, Rule]]:
        """Those of the segments whose rules can be used as the fields are now, with their rules."""
        fields = self.read_fields()
        return [(segment, rule) for segment in segments if (rule := _usable(segment.rule, fields))]

    def create(self, draft: SegmentDraft, *, actor: str, archived: bool = False) -> Segment:
        """Save a new segment once its rule can be used; its members are computed by `refresh`."""
        self.compile(draft.rule)
        return self._saved.create(draft, actor=actor, archived=archived)

    def update(self, segment_id: str, draft: SegmentDraft, *, actor: str, expected_version: int) -> Segment:
        """Save a new version; raises `SegmentChanged` when somebody else saved one meanwhile."""
        self.compile(draft.rule)
        return self._saved.update(segment_id, draft, actor=actor, expected_version=expected_version)

    def amend(
        self,
        segment_id: str,
        changes: Mapping[str, Any],
        *,
        actor: str,
        archived: bool | None = None,
        expected_version: int | None = None,
    ) -> Segment:
        """Change some fields of the newest version, and archive or restore it; see `SegmentRepository.amend`."""
        if "rule" in changes:
            self.compile(changes["rule"])
        return self._saved.amend(segment_id, changes, actor=actor, archived=archived, expected_version=expected_version)

    def compare_versions(self, segment_id: str, first: int, second: int) -> VersionComparison:
        """What changed between two versions, and how many customers each of their rules selects as the data is now."""
        versions = {version.number: version for version in self._saved.versions(segment_id)}
        for number in (first, second):
            if number not in versions:
                raise SegmentNotFound(segment_id, number)
        one, other = versions[first], versions[second]
        found = self.overlap({"first": one.rule, "second": other.rule})
        both = found.size("first", "second")
        return VersionComparison(
            one,
            other,
            differences(one.draft, other.draft),
            both,
            only_first=found.size("first") - both,
            only_second=found.size("second") - both,
        )

    def restore(self, segment_id: str, number: int, *, actor: str) -> Segment:
        """Save version `number` again as the newest, once its rule can still be used."""
        versions = {version.number: version for version in self._saved.versions(segment_id)}
        if number in versions:
            self.compile(versions[number].rule)
        return self._saved.restore(segment_id, number, actor=actor)

    def refresh(self, segment_id: str, *, cause: str = "on demand") -> SegmentSize:
        """Compute the members anew and save them; a failure is recorded beside the last good size, and raised.

        The viewer must be allowed to score.
        """
        require(Action.SCORE)
        segment = self._saved.get(segment_id)
        try:
            selection = self.select(segment.rule)
            base = counting.count_customers(self._warehouse)
            return self._saved.replace_members(
                segment_id, selection.ids(), base=base, version=segment.version, cause=cause
            )
        except LoyaltyError as error:
            with suppress(LoyaltyError):  # where that cannot be recorded either, the first error is the one to report
                self._saved.record_error(segment_id, str(error))
            raise

    def refresh_customers(self, segment_id: str, customer_ids: Sequence[object]) -> CustomersRefreshed:
        """Compute for these customers only whether they are members; at most some 30,000.

        Unknown customers stay as they are. The viewer must be allowed to score. Raises `SegmentNotComputed` before the
        first `refresh` with the newest rule.
        """
        require(Action.SCORE)
        segment = self._saved.get(segment_id)
        belongs, unknown = self.select(segment.rule).belonging(customer_ids)
        size, joined, left = self._saved.change_members(segment_id, belongs, version=segment.version)
        return CustomersRefreshed(size, joined, left, unknown)

    @property
    def _saved(self) -> SegmentRepository:
        if self._repository is None:
            raise BadSegment("No segments are saved here.", remedy="Give the engine a SegmentRepository.")
        return self._repository


def _relation(fields: RuleFields, rules: Iterable[Rule], names: Iterable[str] = ()) -> sa.FromClause:
    """One row for each customer, with what all of the rules read and the fields of these names."""
    return fields.relation((*(column for rule in rules for column in rule.columns), *names))


def _usable(rule: Any, fields: RuleFields) -> Rule | None:
    try:
        bound = fields.compile(rule)
        fields.relation(bound.columns)  # a segment that it reads may be the one that cannot be used
        return bound
    except LoyaltyError:
        return None
