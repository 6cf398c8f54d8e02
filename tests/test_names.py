"""Names that people type."""

import re

import pytest

from loyalty_core.errors import DataError
from loyalty_core.names import checked_text, look_alike, nearest_names


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("revenu", ["revenue"]), ("REVENUE", ["revenue"]), ("lifetime", ["lifetime_value"]), ("xyzzy", []), ("", [])],
)
def test_the_nearest_name_is_offered_where_one_is_like_it(name: str, nearest: list[str]) -> None:
    assert nearest_names(name, ["revenue", "lifetime_value", "days_since_last"]) == nearest


def test_the_nearest_names_come_first() -> None:
    assert nearest_names("revenue", ["revenue_2024", "total_revenue", "city", "revenue"], limit=2)[0] == "revenue"
    assert len(nearest_names("revenue", ["revenue_2024", "total_revenue", "city", "revenue"], limit=2)) == 2


def test_a_text_is_within_its_length_and_without_control_characters() -> None:
    assert checked_text("note", "a\nb", 3, DataError, allowed="\n") == "a\nb"
    with pytest.raises(DataError, match=r"The note is too long\. It has 4 characters\. Use at most 3\."):
        checked_text("note", "abcd", 3, DataError)
    with pytest.raises(DataError, match="The note has characters that cannot be stored"):
        checked_text("note", "a\nb", 3, DataError)


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("V\u200bIP", "U+200B (zero width space)"),
        ("V\u200dIP", "U+200D (zero width joiner)"),
        ("V\u200cIP", "U+200C (zero width non-joiner)"),
        ("\ufeffVIP", "U+FEFF (zero width no-break space)"),
        ("VI\u00adP", "U+00AD (soft hyphen)"),
        ("VIP\u202e", "U+202E (right-to-left override)"),
        ("\u2066VIP\u2069", "U+2066 (left-to-right isolate)"),
        ("VIP\u200f", "U+200F (right-to-left mark)"),
        ("VIP\ufe0f", "U+FE0F (variation selector-16)"),
        ("\ufe0fVIP", "U+FE0F (variation selector-16)"),
        ("\u3164", "U+3164 (hangul filler)"),
        ("\u2800", "U+2800 (braille pattern blank)"),
        ("VIP\u034f", "U+034F (combining grapheme joiner)"),
        ("VIP\U000e0041", "U+E0041 (tag latin capital letter a)"),
    ],
)
def test_characters_that_cannot_be_seen_are_refused_by_name(text: str, character: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"a character that cannot be seen. It is {character}.")):
        checked_text("name", text, 100, DataError)


@pytest.mark.parametrize(
    "text",
    [
        "Familien 👨\u200d👩\u200d👧",
        "I ❤\ufe0f Oslo",
        "می\u200cخواهم",
        "क्\u200dष",
        "Zürich – 1\ufe0f\u20e3",
        "ポイント会員",
    ],
)
def test_characters_that_a_script_or_an_emoji_calls_for_are_taken(text: str) -> None:
    assert checked_text("name", text, 100, DataError) == text


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("VIP", "VlP"),
        ("VIP", "V1P"),
        ("VIP", "V\u0406P"),  # a Ukrainian I
        ("Top 10", "Top 1O"),
        ("modern", "rnodern"),
        ("pay", "\u0440\u0430\u0443"),  # all Cyrillic
        ("Gold", "Ｇｏｌｄ"),
        ("Café", "Cafe\u0301"),
        ("Gold", "Gold"),
        ("I ❤ Oslo", "I ❤\ufe0f Oslo"),
    ],
)
def test_names_that_look_the_same_are_found(name: str, other: str) -> None:
    assert look_alike(name, ["Silver", other]) == other
    assert look_alike(other, ["Silver", name]) == name


@pytest.mark.parametrize(("name", "other"), [("VIP", "VIP 2"), ("Café", "Cafe"), ("Gold", "Cold"), ("会員", "会社")])
def test_names_that_look_different_are_not(name: str, other: str) -> None:
    assert look_alike(name, [other]) is None
