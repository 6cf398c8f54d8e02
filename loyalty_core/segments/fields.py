"""What a rule can read: the features view, predictions, the churn history and other segments, as one relation."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.rules import Rule, RuleError, compile_rule
from loyalty_core.rules.relative_dates import is_relative
from loyalty_core.segments.errors import (
    PersonalDataHidden,
    PredictionsMissing,
    SegmentCycle,
    SegmentNotFound,
    UnknownColumn,
)
from loyalty_core.segments.masked_rules import reads_any
from loyalty_core.segments.predicted_fields import describe_predictions, field_name, unscored_fields
from loyalty_core.segments.references import SEGMENT_PREFIX, built_on, field_of, references
from loyalty_core.segments.relative_dates import ReferenceDays
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import column_for
from loyalty_core.warehouse.left_customers import has_left, left_customers
from loyalty_core.warehouse.predictions import ScoringRun, run_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from loyalty_core.segments.repository import SegmentRepository
    from loyalty_core.segments.segment import SegmentOutline
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.columns import Catalog

SEGMENTS_GROUP = "Segments"
LEFT_FIELD = "left_by_history"
_LEFT = Column(
    LEFT_FIELD,
    "boolean",
    "Churn history",
    "Left in the churn history",
    description="The customer's label in the churn history says that they have left.",
    blanks=0.0,
)


@dataclass(frozen=True)
class RuleFields:
    """The fields that rules may use as they were at one moment; binds rules to them and gives their values in SQL.

    `columns` lists features, then predictions, then segments. `view` is the features view that they were read from,
    which may have been replaced since. `run` is the scoring run that made the predictions.
    `hidden` are the columns that the viewer's rules may not use, since their answers would tell the values.
    `left` has the ids of customers who have left by the churn history, where that is known.
    """

    warehouse: Warehouse
    view: sa.FromClause
    columns: tuple[Column, ...]
    segments: Mapping[str, SegmentOutline]
    run: ScoringRun | None
    predictions: sa.FromClause | None
    days: ReferenceDays
    hidden: tuple[Column, ...] = ()
    left: sa.FromClause | None = None
    _compiled: dict[str, Rule] = field(default_factory=dict, repr=False, compare=False)  # of segments, by id

    def compile(self, rule: Any) -> Rule:
        """Bind a rule to the fields.

        Raises `RuleError`, `PredictionsMissing` when nothing was scored yet, and `PersonalDataHidden`.
        """
        names = {column.name for column in self.columns}
        unscored = [column for column in unscored_fields(self.features) if column.name not in names]
        today = self.days.read().day if is_relative(rule) else None
        if personal := [column.name for column in self.hidden if reads_any(rule, [column.name])]:
            raise PersonalDataHidden(personal)
        bound = compile_rule(rule, [*self.columns, *unscored], today=today, zone=self.warehouse.settings.zone)
        if not {column.name for column in unscored}.isdisjoint(bound.columns):
            raise PredictionsMissing
        return bound

    def compared(self) -> list[Column]:
        """The fields in which groups of customers can differ: all but the id and membership of segments."""
        identifier = self.warehouse.customer_id.name
        return [column for column in self.columns if column.group != SEGMENTS_GROUP and column.name != identifier]

    def version_of(self, segment_id: str) -> int:
        """The newest version of a segment; raises `SegmentNotFound`."""
        if segment_id not in self.segments:
            raise SegmentNotFound(segment_id)
        return self.segments[segment_id].version

    def can_compute(self, segment_id: str) -> bool:
        """Whether a segment's rule, and those that it is built on, can be computed with these fields."""
        try:
            self._bind_references(segment_id, {}, ())
        except LoyaltyError:
            return False
        return True

    def without_columns(self) -> frozenset[str]:
        """The segments whose rules read columns that the data does not have, and those built on them.

        Predictions that are still to be made are not among these columns.
        """
        rules = {one: outline.rule for one, outline in self.segments.items()}
        found = {one for one, rule in rules.items() if self._lacks_columns(rule)}
        return frozenset(found.union(*(built_on(one, rules) for one in found)))

    def _lacks_columns(self, rule: Any) -> bool:
        try:
            self.compile(rule)
        except PredictionsMissing:
            return False
        except RuleError as error:
            return any(fault.code == "unknown_column" for fault in error.faults)
        return False

    def relation(self, names: Iterable[str]) -> sa.FromClause:
        """One row for each customer with at least these fields, and all of the features view."""
        wanted = dict.fromkeys(names)
        bound: dict[str, Rule] = {}
        for name in wanted:
            if name.startswith(SEGMENT_PREFIX):
                segment_id = name.removeprefix(SEGMENT_PREFIX)
                if segment_id not in self.segments:
                    raise UnknownColumn(name)
                self._bind_references(segment_id, bound, ())
        read = {column for rule in bound.values() for column in rule.columns} | set(wanted)
        relation = self._with_left(self._with_predictions(read - {LEFT_FIELD}), read)
        for number, (segment_id, rule) in enumerate(bound.items()):
            belongs = rule.to_sql(relation).label(field_of(segment_id))
            relation = sa.select(*relation.c, belongs).subquery(f"customers_{number}")
        return relation

    def _bind_references(self, segment_id: str, bound: dict[str, Rule], chain: tuple[str, ...]) -> None:
        """Bind a segment's rule after those that it is built on, so that each finds the others' answers."""
        if segment_id in chain:
            raise SegmentCycle((*chain[chain.index(segment_id) :], segment_id))
        if segment_id in bound:
            return
        outline = self.segments.get(segment_id)
        rule = outline.rule if outline else None
        for other in references(rule):
            self._bind_references(other, bound, (*chain, segment_id))
        if segment_id not in self._compiled:
            self._compiled[segment_id] = self.compile(rule)
        bound[segment_id] = self._compiled[segment_id]

    def _with_predictions(self, names: Collection[str]) -> sa.FromClause:
        """The features view, joined with the predictions where one of the names is not its own."""
        view, features = self.view, self.features
        others = {name for name in names if name not in features and not name.startswith(SEGMENT_PREFIX)}
        predictions = self.predictions if others else None
        if predictions is None:
            if not others.isdisjoint(column.name for column in unscored_fields(features)):
                raise PredictionsMissing
            return view
        identifier = predictions.c.customer_id
        predicted = [c.label(field_name(c.name, features)) for c in predictions.c if c is not identifier]
        joined = view.outerjoin(predictions, self.warehouse.id_of(view) == identifier)
        return sa.select(*view.c, *predicted).select_from(joined).subquery("customers")

    def _with_left(self, relation: sa.FromClause, names: Collection[str]) -> sa.FromClause:
        """The relation, with whether each customer has left by the churn history where that is one of the names."""
        if self.left is None or LEFT_FIELD not in names:
            return relation
        identifier = relation.c[self.warehouse.customer_id.name]
        return sa.select(*relation.c, has_left(self.left, identifier).label(LEFT_FIELD)).subquery("customers_left")

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features view's columns."""
        return tuple(self.view.columns.keys())


class FieldReader:
    """Reads which fields there are: one statement for the state store, and one for the warehouse."""

    def __init__(self, warehouse: Warehouse, repository: SegmentRepository | None = None) -> None:
        self._warehouse = warehouse
        self._repository = repository
        self._days = ReferenceDays(warehouse)
        self._lock = threading.Lock()
        self._predicted: tuple[tuple[int, ScoringRun], tuple[Column, ...]] | None = None
        self._left: tuple[Any, sa.FromClause | None] | None = None

    def read(self, segment_id: str | None = None) -> RuleFields:
        """The fields as they are now; for a segment, without itself and those that are built on it."""
        segments = self._repository.outlines() if self._repository else {}
        left_out = built_on(segment_id, {one: outline.rule for one, outline in segments.items()}) if segment_id else ()
        membership = [
            Column(field_of(one), "boolean", SEGMENTS_GROUP, f"Member of {outline.name}", blanks=0.0)
            for one, outline in segments.items()
            if one not in left_out
        ]
        catalog, predictions = self._warehouse.catalog(), self._warehouse.predictions
        run = None if predictions is None else run_of(self._warehouse, predictions)
        predicted = () if predictions is None or run is None else self._describe(predictions, run, catalog.view)
        personal = self._warehouse.hidden
        hidden = tuple(column for column in catalog.columns if column.name in personal)
        shown = (column for column in catalog.columns if column.name not in personal)
        left = self._read_left(catalog)
        columns = (*shown, *predicted, *(() if left is None else (_LEFT,)), *membership)
        return RuleFields(self._warehouse, catalog.view, columns, segments, run, predictions, self._days, hidden, left)

    def _read_left(self, catalog: Catalog) -> sa.FromClause | None:
        """Who has left by the churn history, looked up once for each reading of the catalog."""
        settings = self._warehouse.settings
        if not settings.gone_by_history or LEFT_FIELD in catalog.view.columns:
            return None
        state = self._warehouse.revision, catalog.read_at
        with self._lock:
            if self._left is None or self._left[0] != state:
                dated = column_for("recency", catalog.columns, settings) is None
                self._left = state, left_customers(self._warehouse, dated=dated)
            return self._left[1]

    def _describe(self, predictions: sa.FromClause, run: ScoringRun, view: sa.FromClause) -> tuple[Column, ...]:
        """The fields of the predictions, described once for each scoring run."""
        state = self._warehouse.revision, run
        with self._lock:
            if self._predicted is None or self._predicted[0] != state:
                features = frozenset(view.columns.keys())
                self._predicted = state, describe_predictions(self._warehouse, predictions, features)
            return self._predicted[1]
