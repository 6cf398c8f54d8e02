"""The segments that the customers of events belong to, by their features and predictions as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from loyalty_core.events.effects.customer import Customer, StepOf, batch
from loyalty_core.events.effects.trace import SharedStep, Step, Stopwatch
from loyalty_core.ml.scoring import RFM
from loyalty_core.ml.tasks import CHURN, TASKS
from loyalty_core.segments import Answers, LiveRules, LiveRulesReader, computed_segments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.services import Services
    from loyalty_core.warehouse.identity import DataIdentity

_RFM_COLUMNS = frozenset({"recency", "frequency", "monetary", "rfm_segment"})
_UNKNOWN = "Segments whose rules read what is not known, or cannot be used, stay as they are."


@dataclass(frozen=True)
class Evaluated:
    """The rules, and the segments whose members can change on the data of that identity: names by id.

    `milliseconds` is how long reading them took.
    """

    rules: LiveRules
    segments: Mapping[str, str]
    identity: DataIdentity | None
    milliseconds: float

    @property
    def versions(self) -> dict[str, int]:
        """The versions of the segments' rules."""
        return {one: live.version for one, live in self.rules.rules.items() if one in self.segments}

    def models(self) -> set[str]:
        """The models that are asked: churn, and those whose predictions the rules of the segments read."""
        read = {name for one in self.segments if one in self.rules.rules for name in self.rules.rules[one].fields}
        columns = {self.rules.predictions[name] for name in read if name in self.rules.predictions}
        models = {name for name, task in TASKS.items() if any(task.stores(column) for column in columns)}
        return {CHURN.name} | models | ({RFM} if columns & _RFM_COLUMNS else set())


class SegmentEvaluator:
    """Evaluates the rules of segments for customers whose features are known."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rules = LiveRulesReader(services.warehouse, services.segments)

    def read(self) -> Evaluated:
        """The rules and segments as they are now; raises the errors of the warehouse and the state store."""
        watch, identity = Stopwatch(), self._services.warehouse.identity
        rules = self._rules.read()
        with self._services.store.session(read_only=True) as session:
            segments = computed_segments(session, identity)
        return Evaluated(rules, segments, identity, watch.lap())

    def evaluate(self, known: Mapping[str, Customer], read: Evaluated) -> StepOf:
        """Add to the customers which segments they belong to, and return the step."""
        watch, rules = Stopwatch(), read.rules
        wanted = {
            columns: self._depending(rules, columns).intersection(read.segments)
            for columns in {customer.changed_columns for customer in known.values()}
        }
        for customer in known.values():
            row = customer.fields(rules.predictions)
            customer.answers = rules.evaluation(row.keys(), wanted[customer.changed_columns]).answers(row)
        milliseconds, together = read.milliseconds + watch.lap(), batch(known)
        about = {
            columns: {**together, "changed_columns": None if columns is None else sorted(columns)} for columns in wanted
        }

        @cache  # many customers belong to the same segments
        def step(columns: frozenset[str] | None, answers: Answers) -> Step:
            unknown = wanted[columns].difference(answers.segments)
            output = {
                "evaluated": len(answers.segments),
                "belongs_to": answers.belongs_to,
                "not_evaluated": [one for one in read.segments if one in unknown] if unknown else [],
            }
            return SharedStep("Segments evaluated", milliseconds, about[columns], output, _UNKNOWN if unknown else "")

        return lambda customer: step(customer.changed_columns, customer.answers)

    def _depending(self, rules: LiveRules, columns: frozenset[str] | None) -> frozenset[str]:
        """The segments that a change of these columns may change; predictions change with what models read."""
        if columns is None:
            return rules.reading(None)
        if columns.isdisjoint(self._services.inference.columns_read()):
            return rules.reading(columns)
        return rules.reading(columns.union(rules.predictions))


def named(segment_id: str, names: Mapping[str, str]) -> dict[str, str]:
    """A segment as traces name it."""
    return {"id": segment_id, "name": names.get(segment_id, segment_id)}
