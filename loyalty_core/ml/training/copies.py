"""Customers that are copies of others under another id, found by their features alone.

Copies on both sides of a split let a model recite what it should predict, so they belong on one side. Rows of one
customer at several dates are no copies. Copies are distinguished from coincidences in two ways: the values that two
rows share must be too rare to be shared by chance, and the rows must have the same label, which rows of similar
customers often have not.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from loyalty_core.ml.tasks import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loyalty_core.ml.evaluation import Column

Numbers = npt.NDArray[np.intp]
Keys = npt.NDArray[np.uint64]

# Rows expected to share the three rarest of a row's values by chance. Only three, as further ones follow from these.
_BY_CHANCE = 0.05
_RAREST = 3
# Copies whose labels can be compared, and how many of these must agree.
_MIN_COMPARED = 10
_AGREEMENT = 0.9
# Leaving out one or two columns tries many combinations; histories with more values are compared as a whole only.
_MAX_VALUES = 15_000_000
_MIN_COLUMNS = 5
_DIGITS = 2
_MIN_SHARE = 0.001


class Copies(NamedTuple):
    """`groups` numbers, for each row, its customer together with the copies of that customer.

    `customers` are all, `exact` and `near` are copies in all values, and in all but one or two or when rounded.
    """

    groups: Numbers
    customers: int
    exact: int
    near: int


class _Pairs(NamedTuple):
    """Rows that share a key with rows of other customers."""

    rows: Numbers
    keys: Numbers


def find_copies(columns: Sequence[Column], customers: Numbers, classes: Numbers) -> Copies:
    """Copies among the rows; `customers` numbers the customer of each row from 0, `classes` its label."""
    count = int(customers.max()) + 1
    table = _Table([column.values for column in columns])
    exact = [one for one in [table.pairs(customers, ())] if _agree(one, classes, at_least=0)]
    groups, without = _connect(customers, count, exact)
    # Between groups, so that exact copies do not vouch for coincidences.
    groups, left = _connect(groups, without, list(_near(columns, table, groups, classes)))
    return Copies(groups, count, count - without, without - left)


def describe_copies(copies: Copies, *, has_customers: bool) -> Iterator[Finding]:
    """A warning about copies, with their number."""
    found = copies.exact + copies.near
    if found <= _MIN_SHARE * copies.customers:
        return
    who, other = ("customers", "customer under another id") if has_customers else ("rows", "row")
    nearly = f", {copies.near:,} of them with one or two other values or rounded" if copies.near else ""
    yield Finding(
        "warning",
        f"{found:,} of {copies.customers:,} {who} are copies of another {other}{nearly}.",
        "They are put on one side of the split. Remove them where a file was loaded twice or a join repeats rows.",
    )


class _Table:
    """Hashes of rows, and how rare their values are."""

    def __init__(self, columns: Sequence[npt.NDArray[np.float64]]) -> None:
        random = np.random.default_rng(0)
        rows = len(columns[0])
        self.columns = len(columns)
        self._hashes = np.empty((len(columns), rows), dtype=np.uint64)
        self._shares = np.empty((len(columns), rows), dtype=np.float32)
        for place, values in enumerate(columns):
            _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
            self._hashes[place] = random.integers(0, 2**64, len(counts), dtype=np.uint64)[codes]
            self._shares[place] = np.log((counts / rows)[codes])
        self._whole = self._hashes.sum(axis=0, dtype=np.uint64)

    def pairs(self, customers: Numbers, left_out: tuple[int, ...]) -> _Pairs:
        """Rows that equal a row of another customer in all but some columns, by values too rare for chance."""
        keys = self._whole - self._hashes[list(left_out)].sum(axis=0, dtype=np.uint64) if left_out else self._whole
        _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
        shared = np.flatnonzero(counts[place] > 1)
        kept = np.setdiff1d(np.arange(self.columns), left_out)
        rarest = np.sort(self._shares[np.ix_(kept, shared)], axis=0)[:_RAREST].sum(axis=0)
        rows = shared[rarest + np.log(len(keys)) < np.log(_BY_CHANCE)]
        keys = np.unique(place[rows], return_inverse=True)[1]
        several = _distinct(keys, customers[rows]) > 1
        return _Pairs(rows[several[keys]], keys[several[keys]])


def _near(columns: Sequence[Column], table: _Table, customers: Numbers, classes: Numbers) -> Iterator[_Pairs]:
    if len(columns) < _MIN_COLUMNS:
        return
    rounded = _Table([column.values if column.is_text else _rounded(column.values) for column in columns])
    tried = [rounded.pairs(customers, ())]
    width = len(columns)
    sizes = [size for size, values in ((1, width), (2, width**2)) if values * width * len(customers) <= _MAX_VALUES]
    tried += [table.pairs(customers, out) for size in sizes for out in combinations(range(width), size)]
    few = []
    for one in tried:
        if _compared(one, classes)[1] < _MIN_COMPARED:
            few.append(one)
        elif _agree(one, classes, _MIN_COMPARED):
            yield one
    # What is left out differs from copy to copy, so that each combination finds few; these are judged together.
    offsets = np.cumsum([0, *(len(one.rows) for one in few)])
    together = _Pairs(
        np.concatenate([one.rows for one in few]) if few else np.empty(0, dtype=np.intp),
        np.concatenate([one.keys + start for one, start in zip(few, offsets, strict=False)])
        if few
        else np.empty(0, int),
    )
    if len(together.rows) and _agree(together, classes, _MIN_COMPARED):
        yield together


def _connect(customers: Numbers, count: int, found: Sequence[_Pairs]) -> tuple[Numbers, int]:
    """The group of each row when customers who share a key are one, and the number of groups."""
    links, start = [np.empty((2, 0), dtype=np.intp)], count
    for one in found:
        links.append(np.stack([customers[one.rows], one.keys + start]))
        start += int(one.keys.max(initial=-1)) + 1
    ends = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(ends.shape[1], dtype=np.int8), (ends[0], ends[1])), shape=(start, start))
    labels = connected_components(graph, directed=False)[1][:count]
    _, groups = np.unique(labels, return_inverse=True)
    return groups[customers], int(groups.max()) + 1


def _agree(pairs: _Pairs, classes: Numbers, at_least: int) -> bool:
    """Whether copies have the same label, judged by rows whose label is not the usual one."""
    if not len(pairs.rows):
        return False
    agreeing, compared = _compared(pairs, classes)
    if compared < _MIN_COMPARED:
        return compared >= at_least
    return agreeing >= _AGREEMENT * compared


def _compared(pairs: _Pairs, classes: Numbers) -> tuple[float, float]:
    """Of rows with an unusual label: other rows with their key that have the same label, and all others."""
    if not len(pairs.rows):
        return 0, 0
    count = int(classes.max()) + 1
    usual = int(np.bincount(classes).argmax())
    cells, rows = np.unique(pairs.keys * count + classes[pairs.rows], return_counts=True)
    in_key = np.bincount(pairs.keys)[cells // count]
    unusual = cells % count != usual
    return float((rows * (rows - 1))[unusual].sum()), float((rows * (in_key - 1))[unusual].sum())


def _distinct(keys: Numbers, customers: Numbers) -> Numbers:
    """The number of different customers of each key."""
    both = np.unique(np.stack([keys, customers]), axis=1)
    return np.bincount(both[0], minlength=int(keys.max(initial=-1)) + 1)


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """To two significant digits, so that noise of less than a percent mostly vanishes."""
    size = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(values), 1e-300))) - (_DIGITS - 1))
    return np.where(values == 0, 0.0, np.round(values / size) * size)
