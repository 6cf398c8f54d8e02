"""Names that people type."""

import pytest

from loyalty_core.errors import DataError
from loyalty_core.names import checked_text, nearest_names


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("revenu", ["revenue"]), ("REVENUE", ["revenue"]), ("lifetime", ["lifetime_value"]), ("xyzzy", []), ("", [])],
)
def test_the_nearest_name_is_offered_where_one_is_like_it(name: str, nearest: list[str]) -> None:
    assert nearest_names(name, ["revenue", "lifetime_value", "days_since_last"]) == nearest


def test_the_nearest_names_come_first() -> None:
    assert nearest_names("revenue", ["revenue_2024", "total_revenue", "city", "revenue"], most=2)[0] == "revenue"
    assert len(nearest_names("revenue", ["revenue_2024", "total_revenue", "city", "revenue"], most=2)) == 2


def test_a_text_is_within_its_length_and_without_control_characters() -> None:
    assert checked_text("note", "a\nb", 3, DataError, allowed="\n") == "a\nb"
    with pytest.raises(DataError, match=r"The note is too long\. It has 4 characters\. Use at most 3\."):
        checked_text("note", "abcd", 3, DataError)
    with pytest.raises(DataError, match="The note has characters that cannot be stored"):
        checked_text("note", "a\nb", 3, DataError)
