"""Target leakage: features that give away the label by themselves, which nothing known beforehand does.

On real sets the best single feature reaches an AUC of about 0.80, so one of 0.90 is suspect, on average over the offers
where there are several. A feature may also give away only some of the labels, by a value or by being filled at all;
then it is the purity of these rows that is suspect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from loyalty_core.ml.evaluation import Groups, separation
from loyalty_core.ml.tasks import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from loyalty_core.ml.evaluation import Column
    from loyalty_core.ml.tasks import Labels

SUSPECT_AUC = 0.9
SUSPECT_AUC_OF_ONE_OFFER = 0.98
# Rows with the same value of which nearly all have one label, though it is not the usual one.
_PURE = 0.98
_MIN_PURE_ROWS = 30
# Of all rows with that label; fewer are a special case rather than a leak.
_MIN_PURE_SHARE = 0.2
_MAX_DISTINCT = 20
# An id is dense: its range is little more than the number of customers. One that ranks above this AUC is suspect.
_ID_RANGE = 3
_ID_SHARE = 0.99
_ID_AUC = 0.6
_MAX_ROWS = 200_000

_REMEDY = (
    "Check for target leakage: it must be known before the label, and the label not computed from it. Leave it out of "
    "ML_FEATURE_MAPPING, or confirm the version by the name of the feature."
)
_ID_REMEDY = "Leave it out of ML_FEATURE_MAPPING: new customers have numbers that the models have not seen."


class _Pure(NamedTuple):
    """`rows` with the same value, of which `hits` have the label of a class."""

    where: str
    class_index: int
    hits: int
    rows: int


def find_leaks(
    columns: Sequence[Column],
    labels: Labels,
    class_names: Sequence[str],
    categories: Callable[[str], Sequence[str]],
    customers: int,
) -> Iterator[Finding]:
    """Features that alone give away the label, with the severity "confirm", and those that look like ids.

    `categories` gives the texts behind the numbers of a text column; `customers` is the number of customers.
    """
    classes = labels.classes
    step = -(-len(classes) // _MAX_ROWS)
    sampled = classes[::step]
    for whole in columns:
        column = whole.take(np.arange(0, len(classes), step))
        if column.blank.all():
            continue
        groups = Groups.of(column)
        codes = groups.codes(column)
        area = _predictive_power(separation(codes, groups.count, sampled, labels.count), sampled)
        is_id = _is_id(whole, customers)
        if pure := _purest(column, groups, codes, sampled, labels.count, categories):
            yield _pure_finding(column.name, pure, class_names[pure.class_index])
        elif area >= SUSPECT_AUC:
            sentence = f"The feature {column.name!r} alone almost determines the label (AUC {area:.3f})."
            yield Finding("confirm", sentence, _REMEDY, column.name)
        elif is_id and area >= _ID_AUC:
            sentence = f"The feature {column.name!r} looks like an id, yet it predicts the label (AUC {area:.3f})."
            yield Finding("confirm", sentence, _ID_REMEDY, column.name)
        elif is_id:
            sentence = f"The feature {column.name!r} looks like an id: it is a number of its own for each customer."
            yield Finding("warning", sentence, _ID_REMEDY, column.name)


def _predictive_power(areas: npt.NDArray[np.float64], classes: npt.NDArray[np.intp]) -> float:
    """How well a column predicts the label, from the AUC of each class against the others.

    One of many offers may well depend on one feature: that counts only where it is predicted almost without fail.
    """
    if areas.max() >= SUSPECT_AUC_OF_ONE_OFFER:
        return float(areas.max())
    return float(np.average(areas, weights=np.bincount(classes, minlength=len(areas))))


def _purest(
    column: Column,
    groups: Groups,
    codes: npt.NDArray[np.intp],
    classes: npt.NDArray[np.intp],
    count: int,
    categories: Callable[[str], Sequence[str]],
) -> _Pure | None:
    """The value, or being blank or filled, that occurs almost only with one label that is not the usual one."""
    table = np.bincount(codes * count + classes, minlength=groups.count * count).reshape(groups.count, count)
    blank = table[:1] if column.blank.any() else np.empty((0, count), dtype=np.intp)
    filled = table[1:].sum(axis=0, keepdims=True) if len(blank) else blank
    has_values = column.is_text or len(np.unique(column.values[~column.blank])) <= _MAX_DISTINCT
    values = table[2:] if has_values else blank[:0]
    stacked = np.concatenate([blank, filled, values])
    overall = table.sum(axis=0)
    rare = overall <= table.sum() / 2
    rows = stacked.sum(axis=1, keepdims=True)
    pure = rare & (rows >= _MIN_PURE_ROWS) & (stacked >= _PURE * rows) & (stacked >= _MIN_PURE_SHARE * overall)
    if not pure.any():
        return None
    place, class_index = np.unravel_index(np.where(pure, stacked, 0).argmax(), pure.shape)
    kinds = ["is blank", "is filled"] if len(blank) else []
    where = kinds[place] if place < len(kinds) else _value(column, groups, int(place) - len(kinds), categories)
    return _Pure(where, int(class_index), int(stacked[place, class_index]), int(rows[place, 0]))


def _value(column: Column, groups: Groups, place: int, categories: Callable[[str], Sequence[str]]) -> str:
    if column.is_text:
        return f"is {categories(column.name)[int(groups.edges[place])]!r}"
    return f"is {groups.edges[place]:g}"


def _pure_finding(name: str, pure: _Pure, label: str) -> Finding:
    sentence = (
        f"{pure.hits:,} of the {pure.rows:,} rows where the feature {name!r} {pure.where} say “{label}”: "
        "it gives away the label."
    )
    return Finding("confirm", sentence, _REMEDY, name)


def _is_id(column: Column, customers: int) -> bool:
    """Whether the column holds whole numbers without large gaps, one for each customer."""
    values = column.values[~column.blank]
    if column.is_text or not len(values) or not np.array_equal(values, np.floor(values)):
        return False
    distinct = len(np.unique(values))
    return distinct >= _ID_SHARE * customers and bool(np.ptp(values) <= _ID_RANGE * distinct)
