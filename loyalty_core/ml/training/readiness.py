"""Whether a model's history is ready for training, from a few aggregates in SQL, without reading rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.ml.tasks import Finding, TrainingRefused
from loyalty_core.ml.training.checks import (
    SINCE_IGNORED,
    blank_feature,
    check_age,
    check_amount,
    constant_feature,
    known_counts,
    repeated_rows,
)
from loyalty_core.warehouse.columns import filled
from loyalty_core.warehouse.history import HistoryRows, find_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.warehouse import Warehouse

# A column with more distinct values is not a label; there is no need to count them all.
_MAX_LABELS = 10_000


@dataclass(frozen=True)
class Readiness:
    """The state of a model's history; `rows` counts rows with a label, `unlabelled` those without, which are left out.

    `classes` counts rows by label ("0" and "1", or offer ids as text), empty when labels cannot be read. `blanks`
    counts rows without a value, by feature. `customers`, `first` and `last` are None without such a column.
    """

    model: str
    source: str
    rows: int
    unlabelled: int
    customers: int | None
    classes: Mapping[str, int]
    first: date | None
    last: date | None
    blanks: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def can_train(self) -> bool:
        """Whether no finding prevents training; checks that need all rows run when training starts."""
        return all(finding.severity != "stop" for finding in self.findings)


def read_readiness(warehouse: Warehouse, task: ModelTask, since: date | None = None) -> Readiness:
    """Check the history of a model from `since` on.

    Raises `MappingError`, and what `find_history` raises.
    """
    settings = warehouse.settings
    history = find_history(warehouse, task.history, settings.ml_feature_mapping, since)
    facts = _facts(warehouse, history, since)
    classes, names, unlabelled, refused = _classes(warehouse, task, history, since)
    findings = list(refused)
    if classes:
        findings += check_amount(*known_counts(task, np.array(list(classes.values())), names))
    findings += _feature_findings(history, facts)
    if history.customer is not None and (repeated := facts["rows"] - _distinct_rows(warehouse, history, since)):
        findings.append(repeated_rows(repeated, facts["rows"]))
    if since is not None and not history.takes_since:
        findings.append(SINCE_IGNORED)
    if facts["last"] is not None:
        today = datetime.now(settings.zone).date()
        findings += check_age((today - facts["last"]).days, task.label_delay(settings))
    return Readiness(
        model=task.name,
        source=history.source,
        rows=facts["rows"],
        unlabelled=unlabelled,
        customers=facts["customers"],
        classes=classes,
        first=facts["first"],
        last=facts["last"],
        blanks={name: facts["rows"] - facts[f"filled_{place}"] for place, name in enumerate(history.features)},
        findings=tuple(findings),
    )


def _facts(warehouse: Warehouse, history: HistoryRows, since: date | None) -> dict[str, Any]:
    """Rows, customers, first and last day; for each feature the number of values and whether all are equal."""
    blank = sa.null()
    wanted: list[sa.ColumnElement[Any]] = [
        sa.func.count().label("rows"),
        (sa.func.count(history.customer.distinct()) if history.customer is not None else blank).label("customers"),
        (sa.func.min(history.day) if history.day is not None else blank).label("first"),
        (sa.func.max(history.day) if history.day is not None else blank).label("last"),
    ]
    for place, name in enumerate(history.features.values()):
        value = _value(history.rows.c[name])
        wanted += [sa.func.count(value).label(f"filled_{place}"), _is_constant(value).label(f"constant_{place}")]
    (facts,) = warehouse.rows(_labelled(history, sa.select(*wanted), since))
    return facts


def _value(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column with NULL for every value that models treat as blank."""
    return sa.func.nullif(column, "") if isinstance(column.type, sa.String) else filled(column)


def _is_constant(value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # Minimum and maximum are cheaper than counting distinct values, but not defined for every type.
    if isinstance(value.type, sa.Integer | sa.Numeric | sa.Float):
        return sa.func.min(value) == sa.func.max(value)
    return sa.func.count(value.distinct()) == 1


def _classes(
    warehouse: Warehouse, task: ModelTask, history: HistoryRows, since: date | None
) -> tuple[dict[str, int], tuple[str, ...], int, tuple[Finding, ...]]:
    """Rows by label, the name of each label, rows without a label, and findings about the labels."""
    number = sa.func.count().label("number")
    select = sa.select(history.label.label("label"), number).group_by(history.label).order_by(number.desc())
    found = warehouse.fetch_arrow(history.within(select, since).limit(_MAX_LABELS))
    labels, counts = found["label"].combine_chunks(), found["number"].cast(pa.int64()).to_numpy()
    known = labels.is_valid().to_numpy(zero_copy_only=False)
    unlabelled = int(counts[~known].sum())
    try:
        read = task.read_labels(labels.filter(known), history.source)
    except TrainingRefused as refusal:
        return {}, (), unlabelled, refusal.findings
    rows = np.bincount(read.classes, weights=counts[known], minlength=read.count)
    by_label = {str(name): int(count) for name, count in zip(read.names, rows, strict=True)}
    return by_label, task.class_names(read.offers), unlabelled, ()


def _feature_findings(history: HistoryRows, facts: Mapping[str, Any]) -> Iterator[Finding]:
    for place, name in enumerate(history.features):
        values = facts[f"filled_{place}"]
        if facts["rows"] and not values:
            yield blank_feature(name)
        elif values and values == facts["rows"] and facts[f"constant_{place}"]:
            yield constant_feature(name)


def _distinct_rows(warehouse: Warehouse, history: HistoryRows, since: date | None) -> int:
    columns = [history.rows.c[name].label(f"feature_{place}") for place, name in enumerate(history.features.values())]
    identity = (history.label, history.day, history.customer)
    columns += [one.label(f"identity_{place}") for place, one in enumerate(identity) if one is not None]
    distinct = _labelled(history, sa.select(*columns), since).distinct().subquery()
    (answer,) = warehouse.rows(sa.select(sa.func.count().label("rows")).select_from(distinct))
    return answer["rows"]


def _labelled(history: HistoryRows, select: sa.Select, since: date | None) -> sa.Select:
    return history.within(select.select_from(history.rows).where(history.label.is_not(None)), since)
