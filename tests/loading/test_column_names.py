"""What names of columns say, written as databases and spreadsheets write them."""

import pytest

from loyalty_core.loading.column_names import is_frequency, is_recency, revenue_evidence, words_of_name


def test_signs_are_no_words():
    assert words_of_name("Total Spend (€)") == {"total", "spend"}
    assert revenue_evidence("Total Spend €", has_currency=False) == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DaySinceLastOrder", True),
        ("Days Since Order", True),
        ("days_since_first_order", False),
        ("days since order complaint", False),
        ("days_since_last_login", False),
    ],
)
def test_days_since_the_last_purchase(name: str, expected: bool):
    assert is_recency(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"), [("Orders (all time)", True), ("orders", True), ("Order time", False), ("all time", False)]
)
def test_number_of_purchases(name: str, expected: bool):
    assert is_frequency(name) is expected
