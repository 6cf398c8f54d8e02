"""The arm of a customer: pinned for ever, uniform, and the same for one id as for a million."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.buckets import bucket, buckets, fnv1a

SALT, OTHER_SALT = "00112233445566aa", "ffeeddccbbaa9988"
GUIDE_CUSTOMER = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("content", "expected"),
    # From the authors' own test suite.
    [(b"", 0xCBF29CE484222325), (b"a", 0xAF63DC4C8601EC8C), (b"foobar", 0x85944171F73967E8)],
)
def test_the_hash_is_the_published_one(content: bytes, expected: int):
    assert fnv1a(content) == expected
    assert fnv1a(content[2:], fnv1a(content[:2])) == expected


@pytest.mark.parametrize(
    ("customer", "expected"),
    # Pinned: another value would give running tests other customers.
    [
        (GUIDE_CUSTOMER, 0.2525880819367099),
        ("c7", 0.06902355366225366),
        (7, 0.184491078177627),
        ("Zoë", 0.3368502762266512),
    ],
)
def test_places_are_pinned(customer: object, expected: float):
    assert bucket(SALT, customer) == expected
    assert buckets(SALT, pa.array([customer])).tolist() == [expected]


@pytest.mark.parametrize("ids", [[f"c{i}" for i in range(100_000)], list(range(100_000))], ids=["texts", "numbers"])
def test_places_are_spread_evenly(ids: list[Any]):
    found = buckets(SALT, pa.array(ids))
    assert found.min() >= 0
    assert found.max() < 1
    counts = np.histogram(found, bins=100, range=(0, 1))[0]
    # Chi square with 99 degrees of freedom, which stays below 149 in 999 of 1,000 cases.
    assert ((counts - 1_000) ** 2 / 1_000).sum() < 149
    for share in (0.01, 0.2, 0.5):
        assert (found < share).mean() == pytest.approx(share, abs=0.005)


def test_two_tests_pick_their_customers_apart():
    ids = pa.array([f"c{i}" for i in range(100_000)])
    first, second = buckets(SALT, ids), buckets(OTHER_SALT, ids)
    assert ((first < 0.2) & (second < 0.2)).mean() == pytest.approx(0.04, abs=0.003)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01


@pytest.mark.parametrize(
    ("array", "ones"),
    [
        (pa.array(["", "c1", "Zoë", "a" * 300]), ["", "c1", "Zoë", "a" * 300]),
        (pa.array(["skipped", "c1", "c22", "skipped"])[1:3], ["c1", "c22"]),
        (pa.array(["c1", "c22"], pa.large_string()), ["c1", "c22"]),
        (pa.array(["c1", "c1"]).dictionary_encode(), ["c1", "c1"]),
        (pa.array([7, -1, 2**62]), [7, -1, 2**62]),
        (pa.array([GUIDE_CUSTOMER]), [UUID(GUIDE_CUSTOMER)]),
        (pa.array(["7.00", "7.50", "700"]), [Decimal(7), Decimal("7.5"), Decimal("7E+2")]),
        (pa.array(["0.0000001"]), [Decimal("1E-7")]),
        (pa.array([7.0, 7.5, 1e15]), [Decimal("7.00"), 7.5, 10**15]),
        (pa.array([], pa.string()), []),
        (pa.array([""]), [""]),
    ],
)  # fmt: skip
def test_one_by_one_as_all_at_once(array: pa.Array, ones: list[Any]):
    assert buckets(SALT, array).tolist() == [bucket(SALT, one) for one in ones]
