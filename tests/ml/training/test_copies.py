"""Customers that are copies of others under another id, and coincidences that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from loyalty_core.ml.evaluation import Column
from loyalty_core.ml.training.copies import describe_copies, find_copies

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

RANDOM = np.random.default_rng(4)
ROWS, COPIED = 2_000, 300
LABELS = (RANDOM.random(ROWS) < 0.2).astype(np.intp)
FEATURES: dict[str, Values] = {
    "revenue": np.round(RANDOM.lognormal(5, 1, ROWS), 2),
    "orders": RANDOM.geometric(0.2, ROWS).astype(float),
    "days": RANDOM.integers(0, 365, ROWS).astype(float),
    "age": RANDOM.integers(18, 80, ROWS).astype(float),
    "points": RANDOM.integers(0, 3_000, ROWS).astype(float),
    "app": np.where(RANDOM.random(ROWS) < 0.3, np.nan, RANDOM.integers(0, 60, ROWS)),
}
ORIGINALS = RANDOM.choice(ROWS, COPIED, replace=False)
NOISE = 1 + RANDOM.normal(0, 0.0005, COPIED)
CHANGED = RANDOM.integers(0, len(FEATURES), COPIED)


def with_copies(change: Callable[[int, Values], Values]) -> list[Column]:
    """The rows, then copies of 300 of them; `change` gets the place of a feature and the copies' values."""
    return [
        Column(name, np.concatenate([values, change(place, values[ORIGINALS])]))
        for place, (name, values) in enumerate(FEATURES.items())
    ]


def one_other_value(place: int, values: Values) -> Values:
    return np.where(place == CHANGED, np.nan_to_num(values, nan=70) + 1, values)


@pytest.mark.parametrize(
    ("change", "exact", "near"),
    [
        (lambda _place, values: values, 300, 0),
        (lambda _place, values: values * NOISE, 0, 240),
        (one_other_value, 0, 240),
    ],
    ids=["exact", "noise", "one value"],
)
def test_copies_under_other_ids_are_in_one_group(
    change: Callable[[int, Values], Values], exact: int, near: int
) -> None:
    labels = np.concatenate([LABELS, LABELS[ORIGINALS]])
    found = find_copies(with_copies(change), np.arange(ROWS + COPIED), labels)
    assert (found.customers, found.exact) == (2_300, exact)
    assert near <= found.near <= 310
    together = found.groups[ORIGINALS] == found.groups[ROWS:]
    assert together.sum() >= exact + near
    (finding,) = describe_copies(found, has_customers=True)
    assert finding.sentence.startswith(f"{exact + found.near} of 2,300 customers are copies of another customer under")
    assert ("with one or two other values" in finding.sentence) == (near > 0)


def test_rows_of_one_customer_at_several_dates_are_no_copies() -> None:
    columns = [Column(name, np.tile(values, 3)) for name, values in FEATURES.items()]
    found = find_copies(columns, np.tile(np.arange(ROWS), 3), np.tile(LABELS, 3))
    assert (found.customers, found.exact, found.near) == (ROWS, 0, 0)
    assert np.array_equal(found.groups, np.tile(np.arange(ROWS), 3))
    assert list(describe_copies(found, has_customers=True)) == []


def test_a_customer_copied_with_all_dates_is_one_copy() -> None:
    columns = [Column(name, np.concatenate([np.tile(v, 3), v[:50], v[:50] + 0])) for name, v in FEATURES.items()]
    customers = np.concatenate([np.tile(np.arange(ROWS), 3), np.tile(np.arange(ROWS, ROWS + 50), 2)])
    found = find_copies(columns, customers, np.concatenate([np.tile(LABELS, 3), LABELS[:50], LABELS[:50]]))
    assert (found.customers, found.exact, found.near) == (2_050, 50, 0)


def test_customers_who_happen_to_be_alike_are_no_copies() -> None:
    """Few different values, and columns that follow from each other, such as the revenue of a single order."""
    orders = RANDOM.geometric(0.4, 8_000).astype(float)
    basket = np.round(RANDOM.lognormal(3, 0.3, 8_000))
    features = {
        "orders": orders, "basket": basket, "revenue": orders * basket, "value": orders * basket,
        "days": RANDOM.integers(0, 365, 8_000).astype(float),
    }  # fmt: skip
    labels = (RANDOM.random(8_000) < 0.1 + 0.3 * (features["days"] > 200)).astype(np.intp)
    found = find_copies([Column(*one) for one in features.items()], np.arange(8_000), labels)
    assert list(describe_copies(found, has_customers=True)) == []


def test_rows_without_customers_are_compared_too() -> None:
    labels = np.concatenate([LABELS, LABELS[ORIGINALS]])
    found = find_copies(with_copies(lambda _place, values: values), np.arange(ROWS + COPIED), labels)
    (finding,) = describe_copies(found, has_customers=False)
    assert finding.sentence == "300 of 2,300 rows are copies of another row."
