from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.warehouse.customers.encoding import decode_features, encode_features

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**127), 2**127),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30)))),
    st.times(),
    st.timedeltas(),
    st.uuids(),
)
FEATURES = st.dictionaries(st.text(), VALUES | st.lists(VALUES) | st.dictionaries(st.text() | st.integers(), VALUES))


def typed(value: Any) -> Any:
    """A value with the type of every part, since 1, 1.0 and True are equal."""
    if isinstance(value, dict):
        return {typed(key): typed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [typed(part) for part in value]
    # str, too: Decimal("1.0") and Decimal("1.00") are equal.
    return type(value), value, str(value)


@given(FEATURES, st.text())
def test_everything_comes_back_with_its_type(features: dict[str, Any], key: str):
    stored = encode_features(key, features)
    if stored is None:  # half a surrogate pair, or an integer beyond what msgpack takes as a key
        return
    assert typed(decode_features(key, stored)) == typed(features)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -1,
        2**64,
        -(2**200),
        0.1,
        float("inf"),
        "ø",
        b"\0",
        Decimal("10.10"),
        Decimal("-0.00"),
        Decimal("1E+30"),
        date(2020, 2, 29),
        datetime(2024, 5, 6, 7, 8, 9, 123456),
        datetime(2024, 5, 6, tzinfo=UTC),
        time(1, 2, 3),
        timedelta(days=-3, microseconds=5),
        UUID(int=10),
        [1, [Decimal("1.5"), None]],
        {"a": {"b": date(2020, 1, 1)}},
        {1: 2},
    ],
)
def test_values_of_every_type_are_preserved(value: Any):
    stored = encode_features("k", {"x": value})
    assert stored is not None
    assert typed(decode_features("k", stored)) == typed({"x": value})


@pytest.mark.parametrize("value", [object(), {1, 2}, (1, 2), "\ud800"])
def test_what_would_not_come_back_is_not_stored(value: Any):
    assert encode_features("k", {"x": value}) is None


STORED = encode_features("k", {"x": Decimal("1.5"), "y": "text"}) or b""


@given(st.binary())
def test_random_bytes_are_refused(garbage: bytes):
    assert decode_features("k", garbage) is None


@given(st.integers(0, len(STORED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(position: int, change: int):
    changed = bytearray(STORED)
    changed[position] ^= change
    assert decode_features("k", bytes(changed)) is None


@given(st.integers(0, len(STORED) - 1))
def test_a_cut_entry_is_noticed(length: int):
    assert decode_features("k", STORED[:length]) is None


@pytest.mark.parametrize("stored", [None, "text", 5, STORED.decode("latin-1")])
def test_what_is_not_bytes_is_refused(stored: Any):
    assert decode_features("k", stored) is None


def test_an_entry_of_another_customer_is_refused():
    assert decode_features("k", STORED) is not None
    assert decode_features("another", STORED) is None
