"""Whether a model's history is ready for training: counts in SQL, and features that give away the label in a sample."""

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
    UNTIL_IGNORED,
    blank_feature,
    check_age,
    check_amount,
    check_frozen,
    check_leaks,
    constant_feature,
    known_counts,
    repeated_rows,
)
from loyalty_core.ml.training.label_trend import check_label_trend, count_months
from loyalty_core.ml.training.reading import customer_numbers, read_columns
from loyalty_core.warehouse.columns import filled
from loyalty_core.warehouse.history import HistoryRows, find_history, read_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.warehouse import Warehouse

# A column with more distinct values is not a label; there is no need to count them all.
_MAX_LABELS = 10_000
# Enough rows to find features that give away the label and copies of customers, and read within a second.
SAMPLE_ROWS = 30_000


@dataclass(frozen=True)
class Readiness:
    """The state of a model's history; `rows` counts rows with a label, `unlabelled` those without, which are left out.

    `classes` counts rows by label ("0" and "1", or offer ids as text), empty when labels cannot be read. `blanks`
    counts rows without a value, by feature. `customers`, `first` and `last` are None without such a column.
    `sampled_rows` were read to look for leaks and copies.
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
    sampled_rows: int = 0

    @property
    def can_train(self) -> bool:
        """Whether no finding prevents training."""
        return all(finding.severity != "stop" for finding in self.findings)


@dataclass(frozen=True)
class _Asked:
    """A model's history, and the days that were asked for."""

    warehouse: Warehouse
    task: ModelTask
    history: HistoryRows
    since: date | None
    until: date | None

    def within(self, select: sa.Select) -> sa.Select:
        return self.history.within(select, self.since, self.until)

    def labelled(self, select: sa.Select) -> sa.Select:
        return self.within(select.select_from(self.history.rows).where(self.history.label.is_not(None)))


@dataclass(frozen=True)
class _Sample:
    """What was found in `rows` rows: features that give away the label, or never change, and copies of customers."""

    rows: int = 0
    leaks: tuple[Finding, ...] = ()
    frozen: tuple[Finding, ...] = ()
    copies: tuple[Finding, ...] = ()


def read_readiness(
    warehouse: Warehouse, task: ModelTask, since: date | None = None, until: date | None = None
) -> Readiness:
    """Check the history of a model from `since` on, up to `until`.

    The findings are those of a training, in its order; leaks, and copies of customers, are looked for in up to
    `SAMPLE_ROWS` rows. Raises `MappingError`, and what `find_history` raises.
    """
    settings = warehouse.settings
    history = find_history(warehouse, task.history, settings.ml_feature_mapping, since)
    asked = _Asked(warehouse, task, history, since, until)
    facts = _facts(asked)
    classes, names, unlabelled, refused = _classes(asked)
    findings = list(refused)
    if classes:
        findings += check_amount(*known_counts(task, np.array(list(classes.values())), names))
    findings += _feature_findings(history, facts)
    can_learn = bool(classes) and all(finding.severity != "stop" for finding in findings)
    sample = _check_sample(asked, facts["rows"]) if can_learn else _Sample()
    findings += sample.leaks
    if history.customer is not None and (repeated := facts["rows"] - _distinct_rows(asked)):
        findings.append(repeated_rows(repeated, facts["rows"]))
    if since is not None and not history.takes_since:
        findings.append(SINCE_IGNORED)
    if until is not None and history.day is None:
        findings.append(UNTIL_IGNORED)
    if facts["last"] is not None:
        today = datetime.now(settings.zone).date()
        findings += check_age((today - facts["last"]).days, task.label_delay(settings))
    findings += [*sample.frozen, *(_label_trend(asked) if can_learn else ()), *sample.copies]
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
        sampled_rows=sample.rows,
    )


def _facts(asked: _Asked) -> dict[str, Any]:
    """Rows, customers, first and last day; for each feature the number of values and whether all are equal."""
    history, blank = asked.history, sa.null()
    wanted: list[sa.ColumnElement[Any]] = [
        sa.func.count().label("rows"),
        (sa.func.count(history.customer.distinct()) if history.customer is not None else blank).label("customers"),
        (sa.func.min(history.day) if history.day is not None else blank).label("first"),
        (sa.func.max(history.day) if history.day is not None else blank).label("last"),
    ]
    for place, name in enumerate(history.features.values()):
        value = _value(history.rows.c[name])
        wanted += [sa.func.count(value).label(f"filled_{place}"), _is_constant(value).label(f"constant_{place}")]
    (facts,) = asked.warehouse.rows(asked.labelled(sa.select(*wanted)))
    return facts


def _value(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column with NULL for every value that models treat as blank."""
    return sa.func.nullif(column, "") if isinstance(column.type, sa.String) else filled(column)


def _is_constant(value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # Minimum and maximum are cheaper than counting distinct values, but not defined for every type.
    if isinstance(value.type, sa.Integer | sa.Numeric | sa.Float):
        return sa.func.min(value) == sa.func.max(value)
    return sa.func.count(value.distinct()) == 1


def _classes(asked: _Asked) -> tuple[dict[str, int], tuple[str, ...], int, tuple[Finding, ...]]:
    """Rows by label, the name of each label, rows without a label, and findings about the labels."""
    history, task = asked.history, asked.task
    number = sa.func.count().label("number")
    select = sa.select(history.label.label("label"), number).group_by(history.label).order_by(number.desc())
    found = asked.warehouse.fetch_arrow(asked.within(select).limit(_MAX_LABELS))
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


def _distinct_rows(asked: _Asked) -> int:
    history = asked.history
    columns = [history.rows.c[name].label(f"feature_{place}") for place, name in enumerate(history.features.values())]
    identity = (history.label, history.day, history.customer)
    columns += [one.label(f"identity_{place}") for place, one in enumerate(identity) if one is not None]
    distinct = asked.labelled(sa.select(*columns)).distinct().subquery()
    (answer,) = asked.warehouse.rows(sa.select(sa.func.count().label("rows")).select_from(distinct))
    return answer["rows"]


def _check_sample(asked: _Asked, rows: int) -> _Sample:
    """Read up to `SAMPLE_ROWS` of this many rows, and look for what only rows themselves tell."""
    from loyalty_core.ml.training.copies import describe_copies, find_copies  # noqa: PLC0415 (scipy takes a while)

    task, settings = asked.task, asked.warehouse.settings
    history = read_history(
        asked.warehouse,
        task.history,
        settings.ml_feature_mapping,
        since=asked.since,
        until=asked.until,
        most_rows=SAMPLE_ROWS,
        share=min(1.0, SAMPLE_ROWS / rows),
    )
    labels, columns = task.read_labels(history.labels, history.source), read_columns(history.features)
    copies = find_copies(columns, customer_numbers(history.customers, len(history)), labels.classes)
    return _Sample(
        len(history),
        leaks=tuple(check_leaks(task, history, columns, labels)),
        frozen=tuple(check_frozen(history)),
        copies=tuple(describe_copies(copies, has_customers=history.customers is not None)),
    )


def _label_trend(asked: _Asked) -> Iterator[Finding]:
    """Drift of the label over the months, and newest labels that are not final."""
    history, task = asked.history, asked.task
    if history.day is None:
        return
    rows = asked.labelled(sa.select(history.day.label("day"), history.label.label("label"))).subquery("labels")
    counted = sa.select(*rows.c, sa.func.count().label("number")).where(rows.c.day.is_not(None))
    found = asked.warehouse.fetch_arrow(counted.group_by(*rows.c))
    if not len(found):
        return
    outcome, names = task.outcome(task.read_labels(found["label"].combine_chunks(), history.source))
    days = found["day"].cast(pa.date32()).to_numpy().astype("datetime64[D]")
    numbers = found["number"].cast(pa.int64()).to_numpy()
    monthly = count_months(days, outcome.classes, outcome.count, numbers)
    yield from check_label_trend(monthly, names, is_binary=not outcome.offers)
