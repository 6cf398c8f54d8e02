"""Customers who have already left: no contact keeps them, so they are not counted among those to contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.scope import Scope, ScopedBase, condition, is_one_of
from loyalty_core.ml.tasks import CHURN
from loyalty_core.segments import LEFT_FIELD, PREDICTIONS_GROUP, SEGMENTS_GROUP
from loyalty_core.warehouse.columns import column_for, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.segments import SegmentationEngine
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse import Column
    from loyalty_core.warehouse.connection import Row

_LABELS = frozenset({CHURN.history.label, "churn", "haschurned", "exited", "attrited"})
_YES = ("yes", "y", "true", "t", "1")


def gone_conditions(fields: Sequence[Column], settings: Settings) -> list[Any]:
    """Conditions of which each holds for customers who have left, by the fields that the viewer's rules may read.

    They are a status, a label, here or in the churn history, and silence for GONE_AFTER_DAYS. Without any of these
    fields, nobody is known to have left.
    """
    columns = [field for field in fields if field.group not in (PREDICTIONS_GROUP, SEGMENTS_GROUP)]
    found = (_by_status(columns, settings), _by_label(columns), _by_history(columns), _by_silence(columns, settings))
    return [one for one in found if one is not None]


def signs_of_leaving(engine: SegmentationEngine, settings: Settings, features: Row) -> tuple[str, ...]:
    """How a customer, by these values of the features view, is known to have left; empty for whoever is still here.

    The warehouse is asked only if the churn history may say so.
    """
    fields = engine.read_fields()
    signs: list[str] = []
    for one in gone_conditions(fields.columns, settings):
        selection = engine.select(one, fields=fields)
        is_known = features.keys() >= set(selection.rule.columns)
        customer_id = features[settings.dwh_customer_id_column]
        if selection.rule.matches(features) if is_known else selection.matches(customer_id):
            signs.append(selection.describe().removeprefix("Customers where "))
    return tuple(signs)


def still_here(base: ScopedBase) -> ScopedBase:
    """The customers in scope without those who have left."""
    left = gone_conditions(base.engine.fields(), base.warehouse.settings)
    # As one group, which the visual builder shows as "none of these hold".
    scope = Scope(base.scope.segment_id, ({"!": {"or": left}},) if left else ())
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


def _by_history(columns: Sequence[Column]) -> Any | None:
    return condition("==", LEFT_FIELD, True) if any(column.name == LEFT_FIELD for column in columns) else None


def _by_silence(columns: Sequence[Column], settings: Settings) -> Any | None:
    recency = column_for("recency", columns, settings)
    if recency is None or settings.gone_after_days is None:
        return None
    return condition(">", recency.name, settings.gone_after_days)
