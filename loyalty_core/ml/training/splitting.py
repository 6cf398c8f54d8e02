"""Splits rows into training, validation (early stopping and calibration) and test rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from datetime import date

Rows = npt.NDArray[np.intp]

VALIDATION_SHARE = TEST_SHARE = 0.15
# A smaller part, or one that lacks a class, is unusable; then the split is not by time.
_MIN_PART_SHARE = 0.4 * TEST_SHARE
_MIN_ROWS_PER_CLASS = 3
# Up to this share of test rows is left out when their customers were learned from; with more, customers are held out.
_FEW_KNOWN = 0.2
# Shares of the customers to hold out; the second where the first leaves a class less than its part of these test rows.
_HELD_OUT = (0.25, 0.5)
_ENOUGH_ROWS = 50


@dataclass(frozen=True)
class Split:
    """Row indices of each part; with method "time", also the first day of validation and test."""

    train: Rows
    validation: Rows
    test: Rows
    method: Literal["time", "stratified"]
    validation_from: date | None = None
    test_from: date | None = None


def split_rows(
    classes: Rows,
    days: pa.Array | None,
    groups: Rows,
    seed: int,
    *,
    all_newest: bool = False,
    is_known: npt.NDArray[np.bool_] | None = None,
) -> Split:
    """Split by time: the oldest 70 % of rows for training, then 15 % validation, the newest 15 % test; days stay whole.

    `classes` are 0, 1, … ; `groups` numbers the customer of each row, together with copies. No group is both learned
    from and tested: where customers have rows on both sides, a quarter of all customers is held out, whose newest rows
    are tested and whose other rows are left out. Without days, with too few of them, or when a part would lack a class,
    the split is random instead: stratified by class, with all rows of a group in the same part.

    `all_newest` tests on the newest rows of all customers, for versions that learned from different rows. Rows that are
    not `is_known` are neither tested nor validated with: they are learned from, without the customers who are tested.
    """
    if is_known is not None and not is_known.all():
        rows = np.flatnonzero(is_known)
        of_known = np.unique(groups[rows], return_inverse=True)[1]
        known_days = days.take(pa.array(rows)) if days is not None else None
        split = split_rows(classes[rows], known_days, of_known, seed, all_newest=all_newest)
        tested = rows[split.test]
        others = np.flatnonzero(~is_known & ~np.isin(groups, groups[tested]))
        train = np.sort(np.concatenate([rows[split.train], others]))
        return replace(split, train=train, validation=rows[split.validation], test=tested)
    by_time = _by_time(classes, days) if days is not None else None
    if by_time and not all_newest:
        by_time = _keep_apart(by_time, classes, groups, seed)
    return by_time or _stratified(classes, groups, seed)


def _keep_apart(split: Split, classes: Rows, groups: Rows, seed: int) -> Split | None:
    """The split with no group on both sides; None when too little would be left."""
    learned = np.concatenate([split.train, split.validation])
    known = np.isin(groups[split.test], groups[learned])
    if known.mean() <= _FEW_KNOWN:
        apart = replace(split, test=split.test[~known])
        return apart if _parts_are_usable(apart, classes) else None
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    for share in _HELD_OUT:
        is_held = (order < share * len(order))[groups]
        apart = replace(
            split,
            train=split.train[~is_held[split.train]],
            validation=split.validation[~is_held[split.validation]],
            test=split.test[is_held[split.test]],
        )
        counts = np.bincount(classes[apart.test], minlength=int(classes.max()) + 1)
        enough = counts.min() >= _ENOUGH_ROWS / len(counts)
        is_last = share == _HELD_OUT[-1]
        if (enough or is_last) and _parts_are_usable(apart, classes):
            return apart
    return None


def _parts_are_usable(split: Split, classes: Rows) -> bool:
    parts = (split.train, split.validation, split.test)
    return all(
        np.bincount(classes[part], minlength=int(classes.max()) + 1).min() >= _MIN_ROWS_PER_CLASS for part in parts
    )


def _by_time(classes: Rows, days: pa.Array) -> Split | None:
    if days.null_count:
        return None
    day = days.cast(pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    unique, counts = np.unique(day, return_counts=True)
    older = np.cumsum(counts) / len(day)  # share of rows up to and including each day
    cuts = [int(np.abs(older - share).argmin()) for share in (1 - VALIDATION_SHARE - TEST_SHARE, 1 - TEST_SHARE)]
    if not cuts[0] < cuts[1] < len(unique) - 1:
        return None
    validation_from, test_from = unique[cuts[0] + 1], unique[cuts[1] + 1]
    train = np.flatnonzero(day < validation_from)
    validation = np.flatnonzero((day >= validation_from) & (day < test_from))
    test = np.flatnonzero(day >= test_from)
    if not all(_is_usable(part, classes) for part in (train, validation, test)):
        return None
    return Split(train, validation, test, "time", validation_from.item(), test_from.item())


def _is_usable(part: Rows, classes: npt.NDArray[np.intp]) -> bool:
    counts = np.bincount(classes[part], minlength=classes.max() + 1)
    return len(part) >= _MIN_PART_SHARE * len(classes) and counts.min() >= _MIN_ROWS_PER_CLASS


def _stratified(classes: npt.NDArray[np.intp], groups: npt.NDArray[np.intp], seed: int) -> Split:
    """Draw groups, stratified by the class of each group's first row."""
    _, first = np.unique(groups, return_index=True)
    class_of_group = classes[first]
    rest, test = _draw(np.arange(len(first)), class_of_group, TEST_SHARE, seed)
    train, validation = _draw(rest, class_of_group, VALIDATION_SHARE / (1 - TEST_SHARE), seed)
    train, validation, test = (np.flatnonzero(np.isin(groups, part)) for part in (train, validation, test))
    return Split(train, validation, test, "stratified")


def _draw(groups: Rows, classes: npt.NDArray[np.intp], share: float, seed: int) -> tuple[Rows, Rows]:
    counts = np.bincount(classes[groups])
    enough = counts[counts > 0].min() >= 2
    stratify = classes[groups] if enough else None
    remaining, drawn = train_test_split(groups, test_size=share, random_state=seed, stratify=stratify)
    return np.asarray(remaining), np.asarray(drawn)
