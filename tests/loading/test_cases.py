"""Files in which others have read wrong values: each gives its right values, a refusal or a question."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from loyalty_core.errors import DataError
from loyalty_core.loading import (
    CustomerColumns,
    FileFormat,
    LoadReport,
    PurchaseColumns,
    load_features,
    load_transactions,
)
from tests.fixtures.loading import rows_of, types_of

CASES = Path(__file__).parents[1] / "data" / "cases" / "files"
CARD = PurchaseColumns("card", "day", "amount")


def features(name: str, out: Path, id_column: str = "id", **options: Any) -> LoadReport:
    return load_features(CASES / name, out, CustomerColumns(id_column, has_churn=False), **options)


def values(out: Path, column: str) -> list[Any]:
    return [value for (value,) in rows_of(out, f"SELECT {column} FROM customer_features_view ORDER BY customer_id")]


def test_nobody_is_born_in_the_future(out: Path) -> None:
    report = features("birth_two_digits.csv", out)
    assert values(out, "birth_date") == [date(1955, 3, 15), date(1962, 11, 28), date(1971, 7, 30), date(2003, 12, 25)]
    assert report.notes == [
        "Column birth_date: its years of two digits are read as 1955 to 2003.",
        "The models cannot learn from birth_date without --snapshot.",
    ]


def test_currency_and_percent_signs_are_read(out: Path) -> None:
    report = features("currency.csv", out)
    assert values(out, "revenue") == [84835.0, 57091.5]
    assert values(out, "rate") == [0.12, 0.07]
    assert report.notes == [
        "Column revenue: the currency $ is left out.",
        "Column rate: percentages are read as shares (12% is 0.12).",
    ]


def test_a_mark_that_nothing_explains_is_asked_for(out: Path) -> None:
    with pytest.raises(DataError, match=r"1\.250 is 1\.25 or 1250.*Choose with --decimal \. or --decimal ,"):
        load_transactions(CASES / "german_log.csv", out, CARD)
    assert not out.exists()


@pytest.mark.parametrize(
    ("written", "revenue"),
    [
        (FileFormat(decimal=","), 4530.0),
        (FileFormat(thousands="."), 4530.0),
        (FileFormat(decimal="."), 983.55),
        (FileFormat(decimal=",", thousands="."), 4530.0),
    ],
)
def test_an_option_settles_the_mark(out: Path, written: FileFormat, revenue: float) -> None:
    load_transactions(CASES / "german_log.csv", out, CARD, written=written)
    assert rows_of(out, "SELECT sum(amount) FROM transactions") == [(revenue,)]


def test_one_value_in_the_whole_file_shows_the_mark(out: Path) -> None:
    report = load_transactions(CASES / "german_log_one_decimal.csv", out, CARD)
    assert rows_of(out, "SELECT amount FROM transactions ORDER BY transaction_at") == [
        (1250.0,),
        (2300.0,),
        (980.0,),
        (7.5,),
    ]
    assert "Decimal comma in amount." in report.notes


def test_ids_that_a_spreadsheet_rounded_are_refused(out: Path) -> None:
    with pytest.raises(DataError, match=r"3 ids in column cust .* are rounded: a spreadsheet wrote them as 4\.00638E"):
        load_transactions(CASES / "ids_scientific.csv", out, PurchaseColumns("cust", "day", "amount"))
    with pytest.raises(DataError, match=r"3 ids in column cust .* are rounded"):
        features("ids_scientific.csv", out, "cust")


def test_a_marker_of_no_value_is_a_blank(out: Path) -> None:
    report = features("markers.csv", out)
    assert types_of(out)["revenue"] == "BIGINT"
    assert rows_of(out, "SELECT count(*), count(revenue), sum(revenue) FROM customer_features_view") == [(30, 27, 1215)]
    assert report.notes == ["Column revenue: 3 blank values ('n.a.') became empty (NULL)."]


def test_a_count_that_is_only_ever_nought_or_one_is_a_number(out: Path) -> None:
    features("once_or_never.csv", out, "customer_id")
    assert types_of(out)["transaction_count"] == "BIGINT"
    assert values(out, "transaction_count") == [1, 0, 1, 1, 0, 1]


def test_a_placeholder_date_is_no_purchase(out: Path) -> None:
    report = load_transactions(CASES / "placeholder_1900.csv", out, PurchaseColumns("member", "day", "amount"))
    assert list(report.excluded.values()) == [1]
    assert report.excluded_text.startswith("1 with a placeholder as date (before 1971")
    query = "SELECT min(transaction_at), count(*) FROM transactions"
    assert rows_of(out, query) == [(datetime(2024, 1, 5), 48)]
    assert rows_of(out, "SELECT min(snapshot_date) FROM customer_churn_history") == [(date(2024, 5, 1),)]


def test_a_line_that_names_the_delimiter_is_no_row(out: Path) -> None:
    features("sep_hint.csv", out)
    assert rows_of(out, "FROM customer_features_view ORDER BY 1") == [("1", "Oslo"), ("2", "Bergen")]


@pytest.mark.parametrize(("name", "customers", "churned"), [("shop_a.csv", 400, 159), ("shop_b.csv", 300, 130)])
def test_two_shops(out: Path, name: str, customers: int, churned: int) -> None:
    load_features(CASES / name, out, CustomerColumns("customer_id", "left"))
    assert rows_of(out, "SELECT count(*), sum(churned) FROM customer_churn_history") == [(customers, churned)]


def test_a_log_that_is_too_short_for_a_history(out: Path) -> None:
    report = load_transactions(CASES / "short_log.csv", out, CARD)
    assert rows_of(out, "SELECT count(*), count(DISTINCT customer_id) FROM transactions") == [(109, 40)]
    assert report.notes[-1].startswith("No churn history: it needs a month start with 90 days of purchases before it")


def test_codes_of_a_status_stay_words(out: Path) -> None:
    features("status_codes.csv", out)
    assert values(out, "status") == ["A", "I", "A"]


def test_a_file_cut_off_inside_a_character_is_utf_8_with_one_bad_line(out: Path) -> None:
    report = features("utf8_cut.csv", out)
    assert values(out, "name") == ["Bjørn", "Åse", "Zoë", "Bj\ufffd"]
    assert report.notes == [
        "Line 5 is not valid UTF-8 as the rest of utf8_cut.csv is: what cannot be read became \ufffd."
    ]
