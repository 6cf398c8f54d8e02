"""The scope of an analysis: all customers or a saved segment, with the predictions of the last scoring run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loyalty_core.segments.errors import PredictionsMissing
from loyalty_core.segments.predicted_fields import field_name
from loyalty_core.segments.references import field_of
from loyalty_core.warehouse.predictions import ScoringRun, last_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from loyalty_core.segments import SegmentationEngine
    from loyalty_core.warehouse import Column, Warehouse
    from loyalty_core.warehouse.connection import Row


@dataclass(frozen=True)
class Scope:
    """All customers, or the members of a saved segment by its current rule, who also meet all `conditions`."""

    segment_id: str | None = None
    conditions: tuple[Any, ...] = ()

    @property
    def rule(self) -> Any:
        """JSONLogic that holds for the customers in scope."""
        match self._parts:
            case []:
                return {}
            case [only]:
                return only
            case parts:
                return {"and": parts}

    def rule_with(self, *conditions: Any) -> Any:
        """JSONLogic for the customers in scope who also meet the conditions, as the rule builder writes it."""
        return {"and": [*self._parts, *conditions]}

    @property
    def _parts(self) -> list[Any]:
        members = [{"==": [{"var": field_of(self.segment_id)}, True]}] if self.segment_id else []
        return [*members, *self.conditions]


class ScopedBase:
    """Reads the customers in scope; raises `PredictionsMissing` before the first scoring run."""

    def __init__(self, warehouse: Warehouse, engine: SegmentationEngine, scope: Scope) -> None:
        self.warehouse = warehouse
        self.engine = engine
        self.scope = scope

    @property
    def run(self) -> ScoringRun:
        """The scoring run whose predictions are used."""
        run = last_run(self.warehouse)
        if run is None:
            raise PredictionsMissing
        return run

    def field(self, prediction: str) -> str:
        """The field name of a prediction, such as churn_probability, in rules and relations."""
        return field_name(prediction, self.warehouse.features.columns.keys())

    def column(self, name: str) -> Column | None:
        """The catalog entry of a field or prediction; None if there is no such field."""
        return next((field for field in self.engine.fields() if field.name == name), None)

    def customers(self, *fields: str) -> sa.Subquery:
        """One row for each customer in scope, with these fields (predictions by `field`) as columns."""
        return self.engine.select(self.scope.rule).customers(list(dict.fromkeys(fields)))

    def rows(self, statement: sa.Executable) -> list[Row]:
        """Run a statement over such relations."""
        return self.warehouse.rows(statement)


def condition(operator: str, field: str, *values: Any) -> Any:
    """One condition of a rule, such as `condition(">=", "churn_probability", 0.5)`."""
    return {operator: [{"var": field}, *values]}


def is_one_of(field: str, values: Iterable[Any]) -> Any:
    """The condition that a field has one of the values."""
    return {"in": [{"var": field}, list(values)]}
