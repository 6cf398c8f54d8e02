"""The rules of all segments compiled for one customer at a time, with an index of which rules read which field."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

from loyalty_core.errors import LoyaltyError
from loyalty_core.rules.evaluate import compile_conditions
from loyalty_core.rules.relative_dates import is_relative
from loyalty_core.segments.fields import FieldReader
from loyalty_core.segments.predicted_fields import GROUP as PREDICTIONS_GROUP
from loyalty_core.segments.predicted_fields import field_name
from loyalty_core.segments.references import SEGMENT_PREFIX, field_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from loyalty_core.rules import Rule
    from loyalty_core.segments.fields import RuleFields
    from loyalty_core.segments.repository import SegmentRepository
    from loyalty_core.warehouse import Warehouse

# One for each set of known fields and requested segments, of which there are few in practice.
_MAX_EVALUATIONS = 50


@dataclass(frozen=True)
class LiveRule:
    """The rule of one segment as of `version`, and the fields that it reads, itself or through other segments."""

    segment_id: str
    version: int
    rule: Rule
    fields: frozenset[str]
    is_relative: bool

    @cached_property
    def needed(self) -> frozenset[str]:
        """The names of the values that the rule is evaluated with, those of other segments among them."""
        return frozenset(self.rule.columns)


class Answers(NamedTuple):
    """The segments whose rules were evaluated for a customer, and for each in turn whether the customer belongs to it.

    Customers who were evaluated together share `segments`.
    """

    segments: tuple[str, ...] = ()
    belongs: tuple[bool, ...] = ()

    @property
    def belongs_to(self) -> list[str]:
        """The segments that the customer belongs to."""
        return list(compress(self.segments, self.belongs))

    def by_segment(self) -> dict[str, bool]:
        """Whether the customer belongs to each of the segments."""
        return dict(zip(self.segments, self.belongs, strict=True))


class Evaluation:
    """The rules of some segments, compiled together for many customers of whom the same fields are known.

    Rules that read the answers of others are evaluated one after another, after those.
    """

    def __init__(self, rules: Mapping[str, LiveRule], asked: Collection[str]) -> None:
        alone = {one: live for one, live in rules.items() if not _referred_to(live.rule)}
        self._alone = tuple(alone)
        self._answers_alone = compile_conditions(live.rule.condition for live in alone.values())
        self._others = [(one, live.rule.matches) for one, live in rules.items() if one not in alone]
        self._asked = tuple(one for one in rules if one in set(asked))

    def answers(self, row: Mapping[str, Any]) -> Answers:
        """Which of the segments a customer belongs to, by the values in `row`."""
        belongs = self._answers_alone(row)
        if self._asked == self._alone:
            return Answers(self._asked, belongs)
        found = dict(zip(self._alone, belongs, strict=True))
        values = {**row, **{field_of(one): is_member for one, is_member in found.items()}}
        for segment_id, matches in self._others:
            values[field_of(segment_id)] = found[segment_id] = matches(values)
        return Answers(self._asked, tuple(found[one] for one in self._asked))


@dataclass(frozen=True)
class LiveRules:
    """The rules by segment, those that others refer to before these; `unusable` says why a segment has none.

    `predictions` names the column of a scoring run that holds the values of each field that is a prediction. `fields`
    are what the rules were compiled for.
    """

    fields: RuleFields
    rules: Mapping[str, LiveRule]
    unusable: Mapping[str, LoyaltyError]
    predictions: Mapping[str, str]
    _by_field: Mapping[str, frozenset[str]] = field(repr=False)
    _evaluations: dict[Any, Evaluation] = field(default_factory=dict, repr=False)

    def reading(self, fields: Collection[str] | None) -> frozenset[str]:
        """The segments that a change of these fields may add customers to, or remove them from; None: of any field.

        Rules with relative dates are always among them, since the day may have changed.
        """
        if fields is None:
            return frozenset(self.rules)
        return self._relative.union(*(self._by_field.get(name, frozenset()) for name in fields))

    def belonging(self, row: Mapping[str, Any], segment_ids: Collection[str]) -> dict[str, bool]:
        """Whether a customer belongs to each of the segments, by the values in `row`.

        Segments whose rules read a field that `row` lacks are left out: nothing is known about them.
        """
        return self.evaluation(row.keys(), segment_ids).answers(row).by_segment()

    def evaluation(self, fields: Collection[str], segment_ids: Collection[str]) -> Evaluation:
        """The rules of the segments, compiled together for customers of whom these fields are known."""
        key = frozenset(fields), frozenset(segment_ids)
        found = self._evaluations.get(key)
        if found is None:
            if len(self._evaluations) >= _MAX_EVALUATIONS:
                self._evaluations.clear()
            found = self._evaluations[key] = self._compile(fields, segment_ids)
        return found

    def _compile(self, fields: Collection[str], segment_ids: Collection[str]) -> Evaluation:
        wanted, known = self._with_references(segment_ids), set(fields)
        rules: dict[str, LiveRule] = {}
        for segment_id, live in self.rules.items():
            if segment_id in wanted and live.needed <= known:
                rules[segment_id] = live
                known.add(field_of(segment_id))
        return Evaluation(rules, segment_ids)

    @cached_property
    def _relative(self) -> frozenset[str]:
        return frozenset(name for name, live in self.rules.items() if live.is_relative)

    def _with_references(self, segment_ids: Iterable[str]) -> set[str]:
        wanted = set(segment_ids)
        for segment_id in reversed(list(self.rules)):  # a segment comes after those that its rule refers to
            if segment_id in wanted:
                wanted.update(_referred_to(self.rules[segment_id].rule))
        return wanted


class LiveRulesReader:
    """Reads the rules, and compiles them again only when segments, fields, the scoring run or the day have changed."""

    def __init__(self, warehouse: Warehouse, repository: SegmentRepository) -> None:
        self._warehouse = warehouse
        self._fields = FieldReader(warehouse, repository)
        self._lock = threading.Lock()
        self._read: tuple[Any, LiveRules] | None = None

    def read(self) -> LiveRules:
        """The rules of all segments, archived ones too; raises the errors of the warehouse and the state store."""
        fields = self._fields.read()
        versions = tuple((name, outline.version) for name, outline in fields.segments.items())
        state = versions, self._warehouse.catalog().read_at, id(fields.view), fields.run, fields.days.read().day
        with self._lock:
            if self._read is None or self._read[0] != state:
                self._read = state, _compile_all(fields)
            return self._read[1]


def _compile_all(fields: RuleFields) -> LiveRules:
    rules: dict[str, LiveRule] = {}
    unusable: dict[str, LoyaltyError] = {}
    for segment_id in fields.segments:
        _compile(segment_id, fields, rules, unusable)
    by_field: dict[str, set[str]] = {}
    for segment_id, live in rules.items():
        for name in live.fields:
            by_field.setdefault(name, set()).add(segment_id)
    index = {name: frozenset(ids) for name, ids in by_field.items()}
    return LiveRules(fields, rules, unusable, _predictions(fields), index)


def _compile(
    segment_id: str, fields: RuleFields, rules: dict[str, LiveRule], unusable: dict[str, LoyaltyError]
) -> LiveRule | None:
    """The segment's rule, compiled after those that it refers to; None where it cannot be used."""
    if segment_id in rules or segment_id in unusable:
        return rules.get(segment_id)
    try:
        outline = fields.segments[segment_id]
        rule = fields.compile(outline.rule)
        fields.relation(rule.columns)  # raises for references that lead back to the segment or cannot be used
    except LoyaltyError as error:
        unusable[segment_id] = error
        return None
    read = {name for name in rule.columns if not name.startswith(SEGMENT_PREFIX)}
    counts_days = is_relative(outline.rule)
    for other in _referred_to(rule):
        used = _compile(other, fields, rules, unusable)
        if used is not None:
            read |= used.fields
            counts_days = counts_days or used.is_relative
    live = LiveRule(segment_id, outline.version, rule, frozenset(read), counts_days)
    rules[segment_id] = live
    return live


def _referred_to(rule: Rule) -> list[str]:
    return [name.removeprefix(SEGMENT_PREFIX) for name in rule.columns if name.startswith(SEGMENT_PREFIX)]


def _predictions(fields: RuleFields) -> dict[str, str]:
    if fields.predictions is None:
        return {}
    known = {column.name for column in fields.columns if column.group == PREDICTIONS_GROUP}
    names = {field_name(column.name, fields.features): column.name for column in fields.predictions.c}
    return {name: prediction for name, prediction in names.items() if name in known}
