"""Predictions as fields that rules can read beside the columns of the features view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import Counted, kind_of, label_of, of_large_groups, value_counts
from loyalty_core.warehouse.history import HORIZON_DAYS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from loyalty_core.warehouse import Warehouse

GROUP = "Predictions"
_LABELS = {
    "churn_probability": "Churn probability",
    "churn_risk": "Churn risk",
    "recommended_offer": "Recommended offer",
    "confidence": "Confidence in the offer",
    "recency": "RFM recency score",
    "frequency": "RFM frequency score",
    "monetary": "RFM monetary score",
    "rfm_segment": "RFM segment",
}
# Only some scoring runs provide these.
_OPTIONAL_LABELS = {
    **{f"churn_within_{days}_days": f"Churn within {days} days" for days in HORIZON_DAYS},
    "uplift": "Uplift by contact",
    "p_if_contacted": "Conversion if contacted",
    "p_if_not": "Conversion if not contacted",
}
_DESCRIPTIONS = {
    "churn_probability": "From 0 to 1, by the churn model.",
    "churn_risk": "low, medium or high, by the thresholds of the settings.",
    "recommended_offer": "Number of the offer with the highest propensity.",
    "confidence": "Propensity of the recommended offer among those who take any, from 0 to 1.",
    "offer_uptake": "Probability of taking any of the offers when shown them, from 0 to 1.",
    "recency": "1 to 5; 5 bought most recently.",
    "frequency": "1 to 5; 5 buys most often.",
    "monetary": "1 to 5; 5 spent most.",
    "rfm_segment": "Name of the customer's RFM cell.",
    **{
        f"churn_within_{days}_days": "Probability of leaving, from 0 to 1, by the time-of-churn model."
        for days in HORIZON_DAYS
    },
    "uplift": "What contact changes, from -1 to 1: below 0, it makes a conversion less likely.",
    "p_if_contacted": "Probability of converting, from 0 to 1, by the uplift model.",
    "p_if_not": "Probability of converting, from 0 to 1, by the uplift model.",
}
_OFFER = "offer_"
_PREFIX = "predicted_"
_NOT_FIELDS = frozenset({"customer_id", "model_version", "scored_at", "data_state"})
_TEXTS = frozenset({"churn_risk", "rfm_segment"})
_CATEGORIES = frozenset({"churn_risk", "recommended_offer", "recency", "frequency", "monetary", "rfm_segment"})


def field_name(prediction: str, features: Collection[str]) -> str:
    """The name of a prediction in rules: its own, unless the features view has a column of that name."""
    return f"{_PREFIX}{prediction}" if prediction in features else prediction


def offer_of_propensity(field: Column) -> int | None:
    """The offer whose propensity a field holds; None for any other field."""
    name = field.name.removeprefix(_PREFIX)
    return int(name.removeprefix(_OFFER)) if field.group == GROUP and _is_offer(name) else None


def holds_offers(field: Column) -> bool:
    """Whether the values of a field are numbers of offers."""
    return field.group == GROUP and field.name.removeprefix(_PREFIX) == "recommended_offer"


def unscored_fields(features: Collection[str]) -> list[Column]:
    """The fields that every scoring run provides, as known before the first run."""
    return [
        Column(field_name(name, features), "text" if name in _TEXTS else "number", GROUP, label)
        for name, label in _LABELS.items()
    ]


def describe_predictions(
    warehouse: Warehouse, predictions: sa.FromClause, features: Collection[str]
) -> tuple[Column, ...]:
    """The fields with their blanks, ranges and frequent values: two queries on the predictions."""
    columns = [column for column in predictions.c if column.name not in _NOT_FIELDS]
    facts = warehouse.unguarded.rows(sa.select(*_facts(columns)).select_from(predictions))[0]
    frequent = _frequent_values(warehouse, predictions, [c.name for c in columns if c.name in _CATEGORIES])
    total = facts["customers"]
    described = (
        Column(
            name=field_name(column.name, features),
            kind=kind_of(column.type),
            group=GROUP,
            label=_label(column.name),
            description=_description(column.name),
            blanks=1 - facts[f"filled_{index}"] / total if total else 0.0,
            minimum=facts.get(f"min_{index}"),
            maximum=facts.get(f"max_{index}"),
            top_values=frequent.get(column.name, ()),
        )
        for index, column in enumerate(columns)
    )
    smallest = warehouse.smallest_group
    return tuple(of_large_groups(column, total, smallest) if smallest else column for column in described)


def _label(name: str) -> str:
    if _is_offer(name):
        return f"Propensity of offer {name.removeprefix(_OFFER)}"
    return (_LABELS | _OPTIONAL_LABELS).get(name, label_of(name))


def _description(name: str) -> str:
    return (
        "Propensity of this offer among those who take any, from 0 to 1."
        if _is_offer(name)
        else _DESCRIPTIONS.get(name, "")
    )


def _is_offer(name: str) -> bool:
    return name.startswith(_OFFER) and name.removeprefix(_OFFER).isdigit()


def _facts(columns: Sequence[sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    facts: list[sa.ColumnElement[Any]] = [sa.func.count().label("customers")]
    for index, column in enumerate(columns):
        facts.append(sa.func.count(column).label(f"filled_{index}"))
        if kind_of(column.type) == "number":
            facts += [sa.func.min(column).label(f"min_{index}"), sa.func.max(column).label(f"max_{index}")]
    return facts


def _frequent_values(
    warehouse: Warehouse, predictions: sa.FromClause, names: Sequence[str]
) -> dict[str, tuple[tuple[Any, int], ...]]:
    """Customers by value of each category, most frequent first; numbers in their own order."""
    if not names:
        return {}
    counted = [Counted(predictions.c[name], sa.cast(predictions.c[name], sa.Text)) for name in names]
    found: dict[str, list[tuple[Any, int]]] = {name: [] for name in names}
    for row in warehouse.unguarded.rows(value_counts(warehouse.dialect, predictions, counted)):
        name: str = names[int(row["position"])]
        value = row["value"] if name in _TEXTS else int(row["value"])
        found[name].append((value, row["customers"]))
    return {
        name: tuple(sorted(values, key=lambda pair: pair[0] if isinstance(pair[0], int) else (-pair[1], pair[0])))
        for name, values in found.items()
    }
