"""How texts are read as numbers, dates and blanks: whole kinds of them, each through a file with one column."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.errors import SettingsError
from loyalty_core.loading import CustomerColumns, FileFormat, LoadReport, load_features
from tests.fixtures.loading import rows_of, types_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Load = Callable[..., LoadReport]


@pytest.fixture
def load(export: Callable[..., Path], out: Path) -> Load:
    """Load a file of ids and one column of the given values."""

    def write(values: list[str], name: str = "x", **written: Any) -> LoadReport:
        lines = "".join(f"{number}|{value}\n" for number, value in enumerate(values))
        file = export(f"id|{name}\n{lines}")
        columns = CustomerColumns("id", has_churn=False)
        return load_features(file, out, columns, written=FileFormat(**written), overwrite=True)

    return write


def values_of(out: Path) -> list[Any]:
    return [row[1] for row in rows_of(out, "FROM customer_features_view ORDER BY customer_id")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1'250.50", "980", "12'000"], [1250.5, 980, 12000]),
        (["1’250", "0.5"], [1250, 0.5]),
        (["1,25,000.50", "12,34,567"], [125000.5, 1234567]),
        (["1.250,50", "980"], [1250.5, 980]),
        (["1 234 567,5", "12"], [1234567.5, 12]),
        (["1\u202f234,5", "1\u00a0000"], [1234.5, 1000]),
        (["1,234,567", "1"], [1234567, 1]),
        (["1.234.567", "1"], [1234567, 1]),
        (["1.250,50 €", "980,00 €"], [1250.5, 980]),
        (["EUR 12.5", "1,300.25 EUR"], [12.5, 1300.25]),
        (["US$5.25", "$6.00"], None),
        (["kr 1 234,50", "5,00 kr"], [1234.5, 5]),
        (["Rs. 1,00,000", "Rs. 50.5"], [100000, 50.5]),
        (["£-5.25", "-£6.50", "£7"], [-5.25, -6.5, 7]),
        (["100-", "20.5-", "7"], [-100, -20.5, 7]),
        (["(1,234.50)", "3.00", "(5)"], [-1234.5, 3, -5]),
        (["−5.5", "3"], [-5.5, 3]),
        (["12.–", "13.50"], [12, 13.5]),
        (["12.5%", "7 %"], [0.125, 0.07]),
        (["1,5E+3", "2"], [1500, 2]),
    ],
)
def test_numbers_however_they_are_written(
    load: Load, out: Path, values: list[str], expected: list[float] | None
) -> None:
    load(values)
    assert types_of(out)["x"] == ("DOUBLE" if expected else "VARCHAR")
    assert values_of(out) == (pytest.approx(expected) if expected else values)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (["1.250", "2.300", "980"], "Column x stays text: 1.250 is 1.25 or 1250 (see --decimal)."),
        (["1,250", "2,300"], "Column x stays text: 1,250 is 1250 or 1.25 (see --decimal)."),
        (["5 €", "6 $"], "Column x stays text: it holds several currencies ($, €)."),
        (["5%", "6", "7"], "Column x stays text: it holds numbers with a percent sign (1) and without one (2)."),
        (
            ["12.5", "12,5", "7.25"],
            "Column x stays text: 1 of its 3 values cannot be read as a number ('12,5'; see --blank and --number).",
        ),
        (
            ["1", "many", "few", "2", "3", "many"],
            "Column x stays text: 3 of its 6 values cannot be read as a number "
            "('many', 'few'; see --blank and --number).",
        ),
        (["01/02/2024"], "Column x stays text: its dates can be read day first or month first (see --date-order)."),
    ],
)
def test_a_column_that_could_have_a_type_has_a_note_why_it_stays_text(
    load: Load, out: Path, values: list[str], note: str
) -> None:
    assert load(values).notes == [note]
    assert values_of(out) == values


def test_options_settle_what_the_values_leave_open(load: Load, out: Path) -> None:
    load(["1.250", "980"], decimal=",")
    assert values_of(out) == [1250, 980]
    load(["1.250", "980"], thousands=",")
    assert values_of(out) == [1.25, 980]
    load(["1", "many"], blanks=("Many",))
    assert values_of(out) == [1, None]
    report = load(["1", "many", "few"], numbers=("x",))
    assert values_of(out) == [1, None, None]
    assert report.notes == ["Column x: 2 values that are not numbers became empty (NULL)."]
    load(["1", "0"], "is_vip", numbers=("is_vip",))
    assert values_of(out) == [1, 0]
    with pytest.raises(SettingsError, match="One mark cannot mean both"):
        FileFormat(decimal=",", thousands=",")


def test_a_value_far_down_the_file_decides_for_all(load: Load, out: Path) -> None:
    load(["1.250"] * 30_001 + ["7,5"])
    assert rows_of(out, "SELECT min(x), max(x), sum(x) FROM customer_features_view") == [
        (7.5, 1250.0, 30_001 * 1250 + 7.5)
    ]


@pytest.mark.parametrize("name", ["orders", "transaction_count", "NumComplaints", "TotalCharges", "qty", "visits 2024"])
def test_nought_and_one_are_numbers_in_a_column_of_amounts(load: Load, out: Path, name: str) -> None:
    load(["1", "0", "1"], name)
    assert types_of(out)[name] == "BIGINT"


@pytest.mark.parametrize("name", ["is_vip", "SeniorCitizen", "newsletter", "has_orders", "email_status", "bonus"])
def test_nought_and_one_are_flags_elsewhere_and_it_is_reported(load: Load, out: Path, name: str) -> None:
    report = load(["1", "0", "1"], name)
    assert values_of(out) == [True, False, True]
    assert report.notes == [f"Column {name}: 1 and 0 are read as true and false (see --number)."]


@pytest.mark.parametrize(
    "blank",
    ["n.a.", "N/A", "\\N", "(null)", "?", "<NA>", "-", "#N/A", "NULL", "nan", "#DIV/0!", "unknown"],
)
def test_markers_of_no_value_are_blank_beside_values(load: Load, out: Path, blank: str) -> None:
    report = load(["7", blank, "9"])
    assert values_of(out) == [7, None, 9]
    assert report.notes == [f"Column x: 1 blank value ('{blank}') became empty (NULL)."]
    load(["2024-01-05", blank])
    assert values_of(out) == [date(2024, 1, 5), None]


def test_words_are_blank_only_where_nothing_else_can_be_meant(load: Load, out: Path) -> None:
    report = load(["Oslo", "NA", "n/a", "?", "NA"])
    assert values_of(out) == ["Oslo", "NA", None, None, "NA"]
    assert report.notes == ["Column x: '?', 'n/a' became empty (NULL); 'NA' is read as a word (see --blank)."]


def test_stars_are_a_rating(load: Load, out: Path) -> None:
    load(["*", "**", "***"])
    assert values_of(out) == ["*", "**", "***"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2024-1-5", "2023-12-31"], [date(2024, 1, 5), date(2023, 12, 31)]),
        (["2024.1.5", "2024.12.31"], [date(2024, 1, 5), date(2024, 12, 31)]),
        (["11-FEB-24", "12-MAR-99"], [date(2024, 2, 11), date(1999, 3, 12)]),
        (["Jan 5, 2024", "December 31 2023"], [date(2024, 1, 5), date(2023, 12, 31)]),
        (["5 January 2024", "3rd Sept. 2023"], [date(2024, 1, 5), date(2023, 9, 3)]),
        (["5. Mai 2024", "12 décembre 2023"], [date(2024, 5, 5), date(2023, 12, 12)]),
        (["Mon, 5 Jan 2024 10:30", "6 Jan 2024"], [datetime(2024, 1, 5, 10, 30), datetime(2024, 1, 6)]),
        (["11-FEB-24 09.30.15.000000 PM"], [datetime(2024, 2, 11, 21, 30, 15)]),
        (["2024/1/5 9:05"], [datetime(2024, 1, 5, 9, 5)]),
        (["0000-00-00", "2024-01-05"], [None, date(2024, 1, 5)]),
        (["31 Feb 2024", "1 Mar 2024"], ["31 Feb 2024", "1 Mar 2024"]),
    ],
)
def test_dates_however_they_are_written(load: Load, out: Path, values: list[str], expected: list[Any]) -> None:
    load(values)
    assert values_of(out) == expected


def test_years_of_two_digits_are_ahead_only_in_a_column_of_days_to_come(load: Load, out: Path) -> None:
    load(["25/12/60", "01/02/55"], "born")
    assert values_of(out) == [date(1960, 12, 25), date(1955, 2, 1)]
    report = load(["25/12/60", "01/02/55"], "valid_until")
    assert values_of(out) == [date(2060, 12, 25), date(2055, 2, 1)]
    assert report.notes[0] == "Column valid_until: its years of two digits are read as 2055 to 2060."
