"""What a rule can read: the features view, the last predictions and membership of other segments, as one relation."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.rules import Rule, compile_rule
from loyalty_core.segments.errors import PredictionsMissing, SegmentCycle, UnknownColumn
from loyalty_core.segments.predicted_fields import describe_predictions, field_name, unscored_fields
from loyalty_core.segments.references import SEGMENT_PREFIX, field_of, references
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.predictions.relation import ScoringRun, last_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from loyalty_core.segments.repository import SegmentRepository
    from loyalty_core.warehouse import Warehouse

SEGMENTS_GROUP = "Segments"


class RuleFields:
    """Names the fields that rules may use, binds rules to them, and builds the relation that holds their values."""

    def __init__(self, warehouse: Warehouse, repository: SegmentRepository | None = None) -> None:
        self._warehouse = warehouse
        self._repository = repository
        self._lock = threading.Lock()
        self._predicted: tuple[tuple[int, ScoringRun], tuple[Column, ...]] | None = None

    def all(self, segment_id: str | None = None) -> list[Column]:
        """Every field, those of segments last; for a segment, without itself and those that are built on it."""
        names = self._repository.names() if self._repository else {}
        if segment_id is not None:
            built_on_it = self._built_on(segment_id)
            names = {other: name for other, name in names.items() if other not in built_on_it}
        membership = [
            Column(field_of(other), "boolean", SEGMENTS_GROUP, f"Member of {name}", blanks=0.0)
            for other, name in names.items()
        ]
        return [*self._warehouse.columns(), *self._predictions(), *membership]

    def compile(self, rule: Any, segment_id: str | None = None) -> Rule:
        """Bind a rule to the fields; raises `RuleError`, or `PredictionsMissing` when nothing was scored yet."""
        fields = self.all(segment_id)
        names = {field.name for field in fields}
        unscored = [field for field in unscored_fields(self._feature_names()) if field.name not in names]
        bound = compile_rule(rule, [*fields, *unscored], zone=self._warehouse.settings.zone)
        if not {field.name for field in unscored}.isdisjoint(bound.columns):
            raise PredictionsMissing
        return bound

    def relation(self, names: Iterable[str]) -> sa.FromClause:
        """One row for each customer with at least these fields, and all of the features view."""
        wanted = list(names)
        rules = self._repository.rules() if self._repository and _of_segments(wanted) else {}
        bound: dict[str, Rule] = {}
        for name in _of_segments(wanted):
            segment_id = name.removeprefix(SEGMENT_PREFIX)
            if segment_id not in rules:
                raise UnknownColumn(name)
            self._bind_references(segment_id, rules, bound, ())
        read = {column for rule in bound.values() for column in rule.columns} | set(wanted)
        relation = self._with_predictions(read)
        for number, (segment_id, rule) in enumerate(bound.items()):
            belongs = rule.to_sql(relation).label(field_of(segment_id))
            relation = sa.select(*relation.c, belongs).subquery(f"customers_{number}")
        return relation

    def _bind_references(
        self, segment_id: str, rules: Mapping[str, Any], bound: dict[str, Rule], chain: tuple[str, ...]
    ) -> None:
        """Bind a segment's rule after those that it is built on, so that each finds the others' answers."""
        if segment_id in chain:
            raise SegmentCycle((*chain[chain.index(segment_id) :], segment_id))
        if segment_id in bound:
            return
        rule = rules.get(segment_id)
        for other in references(rule):
            self._bind_references(other, rules, bound, (*chain, segment_id))
        bound[segment_id] = self.compile(rule)

    def _built_on(self, segment_id: str) -> set[str]:
        """The segment and all whose rules read it, directly or through others."""
        rules = self._repository.rules() if self._repository else {}
        reads = {other: references(rule) for other, rule in rules.items()}
        found, added = {segment_id}, True
        while added:
            more = {other for other, read in reads.items() if found.intersection(read)} - found
            found, added = found | more, bool(more)
        return found

    def _predictions(self) -> tuple[Column, ...]:
        run = last_run(self._warehouse)
        if run is None:
            return ()
        state = self._warehouse.revision, run
        with self._lock:
            if self._predicted is None or self._predicted[0] != state:
                relation = self._warehouse.predictions
                if relation is None:
                    return ()
                self._predicted = state, describe_predictions(self._warehouse, relation, self._feature_names())
            return self._predicted[1]

    def _with_predictions(self, names: Collection[str]) -> sa.FromClause:
        """The features view, joined with the predictions where one of the names is not its own."""
        view, features = self._warehouse.features, self._feature_names()
        others = {name for name in names if name not in features and not name.startswith(SEGMENT_PREFIX)}
        predictions = self._warehouse.predictions if others else None
        if predictions is None:
            if not others.isdisjoint(field.name for field in unscored_fields(features)):
                raise PredictionsMissing
            return view
        identifier = predictions.c.customer_id
        predicted = [c.label(field_name(c.name, features)) for c in predictions.c if c is not identifier]
        joined = view.outerjoin(predictions, self._warehouse.customer_id == identifier)
        return sa.select(*view.c, *predicted).select_from(joined).subquery("customers")

    def _feature_names(self) -> frozenset[str]:
        return frozenset(self._warehouse.features.columns.keys())


def _of_segments(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(SEGMENT_PREFIX)]
