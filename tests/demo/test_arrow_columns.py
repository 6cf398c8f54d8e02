"""Columns built from numpy buffers hold the values they should."""

import uuid
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pytest

from loyalty_core.demo.arrow_columns import cents, coded, dates, timestamps, uuid_texts


def test_uuid_texts_are_version_four_uuids_of_the_given_bytes() -> None:
    random_bytes = np.arange(32, dtype=np.uint8).reshape(2, 16)
    first, second = uuid_texts(random_bytes).to_pylist()
    assert first == "00010203-0405-4607-8809-0a0b0c0d0e0f"
    assert uuid.UUID(second).version == 4
    assert uuid.UUID(second).bytes[10:] == bytes(range(26, 32))


@pytest.mark.parametrize(
    ("amount", "value"), [(0, "0.00"), (7, "0.07"), (53_226, "532.26"), (9_999_999_999, "99999999.99")]
)
def test_cents(amount: int, value: str) -> None:
    assert cents(np.array([amount])).to_pylist() == [Decimal(value)]


def test_coded_texts_with_blanks() -> None:
    column = coded(np.array([2, 0, 1]), ["a", "b", "c"], np.array([False, True, False]))
    assert column.to_pylist() == ["c", None, "b"]


def test_dates_and_timestamps_with_blanks() -> None:
    blank = np.array([False, True])
    assert dates(np.array([20_758, 0]), blank).to_pylist() == [date(2026, 11, 1), None]
    assert timestamps(np.array([86_400 + 61, 0]), blank).to_pylist() == [datetime(1970, 1, 2, 0, 1, 1), None]
