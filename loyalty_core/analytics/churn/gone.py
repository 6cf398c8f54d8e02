"""Customers who have already left: no contact keeps them, so they are not counted among those to contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.scope import Scope, ScopedBase, condition, is_one_of
from loyalty_core.ml.tasks import CHURN
from loyalty_core.warehouse.columns import column_for, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse import Column

_LABELS = frozenset({CHURN.history.label, "churn", "haschurned", "exited", "attrited"})
_YES = ("yes", "y", "true", "t", "1")


def gone_conditions(columns: Sequence[Column], settings: Settings) -> list[Any]:
    """Conditions of which each holds for customers who have left: a status, a label, or silence for GONE_AFTER_DAYS.

    They are read from the columns that the viewer may see; without any of them, nobody is known to have left.
    """
    found = (_by_status(columns, settings), _by_label(columns), _by_silence(columns, settings))
    return [one for one in found if one is not None]


def still_here(base: ScopedBase) -> ScopedBase:
    """The customers in scope without those who have left."""
    left = gone_conditions(base.warehouse.columns(), base.warehouse.settings)
    scope = Scope(base.scope.segment_id, tuple({"!": one} for one in left))
    return ScopedBase(base.warehouse, base.engine, scope)


def _by_status(columns: Sequence[Column], settings: Settings) -> Any | None:
    """The frequent values of the status column that mean "left", as the column writes them."""
    status = column_for("status", columns, settings)
    wanted = {folded(word) for word in settings.gone_statuses}
    values = [value for value, _ in status.top_values if folded(str(value)) in wanted] if status else []
    return is_one_of(status.name, values) if status and values else None


def _by_label(columns: Sequence[Column]) -> Any | None:
    """A column of the view that says who churned."""
    label = next((one for one in columns if folded(one.name) in _LABELS and not one.is_masked), None)
    match label.kind if label else None:
        case "boolean" if label:
            return condition("==", label.name, True)
        case "number" if label and (label.minimum, label.maximum) == (0, 1):
            return condition("==", label.name, 1)
        case "text" if label:
            values = [value for value, _ in label.top_values if str(value).strip().lower() in _YES]
            return is_one_of(label.name, values) if values else None
    return None


def _by_silence(columns: Sequence[Column], settings: Settings) -> Any | None:
    recency = column_for("recency", columns, settings)
    if recency is None or settings.gone_after_days is None:
        return None
    return condition(">", recency.name, settings.gone_after_days)
