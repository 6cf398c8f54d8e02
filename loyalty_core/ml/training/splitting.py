"""Splits rows into training, validation (early stopping and calibration) and test rows."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Split:
    """Row indices of each part; with method "time", also the first day of validation and test."""

    train: Rows
    validation: Rows
    test: Rows
    method: Literal["time", "stratified"]
    validation_from: date | None = None
    test_from: date | None = None


def split_rows(classes: npt.NDArray[np.intp], days: pa.Array | None, customers: pa.Array | None, seed: int) -> Split:
    """Split by time: the oldest 70 % of rows for training, then 15 % validation, the newest 15 % test; days stay whole.

    `classes` are 0, 1, … . Without days, with too few of them, or when a part would lack a class, the split is random
    instead: stratified by class, with all rows of a customer in the same part.
    """
    by_time = _by_time(classes, days) if days is not None else None
    return by_time or _stratified(classes, customer_numbers(customers, len(classes)), seed)


def _by_time(classes: npt.NDArray[np.intp], days: pa.Array) -> Split | None:
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


def customer_numbers(customers: pa.Array | None, rows: int) -> npt.NDArray[np.intp]:
    """A number for the customer of each row; every row without a customer gets its own."""
    if customers is None:
        return np.arange(rows)
    codes = customers.dictionary_encode().indices
    numbers = codes.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
    numbers = np.where(numbers < 0, rows + np.arange(rows), numbers)
    return np.unique(numbers, return_inverse=True)[1]
