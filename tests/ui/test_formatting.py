"""Values as people read them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import streamlit as st

from loyalty_core.ui import formatting
from loyalty_core.ui.fields import Numbers
from loyalty_core.warehouse.columns import Column
from tests.workbench import Configure

pytestmark = pytest.mark.usefixtures("configure")


@pytest.fixture
def viewer_locale(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the locale of the browser."""
    return lambda name: monkeypatch.setattr(type(st.context), "locale", name)


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        ("total_revenue", 1234.5, "€1,234.50"),
        ("total_revenue", Decimal("-0.10"), "−€0.10"),
        ("total_revenue", 10**17, "€100,000,000,000,000,000.00"),
        ("total_revenue", 1e300, "1e+300"),
        ("total_revenue", float("-inf"), "-inf"),
        ("orders", float("inf"), "inf"),
        ("orders", 2**63 - 1, "9,223,372,036,854,775,807"),
        ("orders", 12.345, "12.34"),
        ("orders", 3.0, "3"),
        ("customer_id", 12345, "12345"),
        ("last_login_days_ago", 1, "1 day"),
        ("last_login_days_ago", 1200, "1,200 days"),
        ("age", 42, "42"),
        ("email_verified", True, "Yes"),
        ("email_verified", False, "No"),
        ("signup_date", date(2026, 11, 1), "1 Nov 2026"),
        ("seen", datetime(2026, 11, 1, 14, 5), "1 Nov 2026, 14:05"),
        ("city", "Oslo", "Oslo"),
        ("city", "", "—"),
        ("city", None, "—"),
    ],
)
def test_values_have_their_units(name: str, raw: Any, text: str):
    assert formatting.loose_value(name, raw) == text


def test_a_share_is_a_percentage_only_within_one():
    within = Column("churn_score", "number", "", "", minimum=0.0, maximum=1.0)
    beyond = Column("churn_score", "number", "", "", minimum=0, maximum=100)
    assert formatting.value(within, 0.1234) == "12.3%"
    assert formatting.value(beyond, 55) == "55"


def test_moments_are_in_the_zone_of_the_settings(configure: Configure):
    configure(time_zone="Europe/Oslo")
    assert formatting.moment(datetime(9999, 12, 31, 23, 59, tzinfo=UTC)) == "31 Dec 9999, 23:59"
    assert formatting.moment(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == "2 Jul 2026, 00:30"


def test_money_follows_the_currency_of_the_settings(configure: Configure):
    configure(currency="NOK")
    assert formatting.compact_money(8_910_000) == "NOK8.9M"
    assert formatting.compact_money(-478.7594579) == "−NOK478.76"
    assert formatting.currency_symbol() == "NOK"


def test_counts_and_shares():
    assert formatting.count(20_000) == "20,000"
    assert formatting.compact_money(2e18) == "€2e+18"
    assert formatting.percent(0.1249) == "12%"
    assert formatting.percent(0.1249, 1) == "12.5%"
    assert formatting.change(1_200) == "+1,200"
    assert formatting.change(-5) == "−5"


def test_a_table_rounds_a_share_as_every_other_figure():
    for thousandths in range(0, 10_000, 5):
        share = thousandths / 10_000
        assert f"{100 * formatting.rounded_share(share):.1f}%" == formatting.percent(share, 1)


@pytest.mark.parametrize(
    ("raw", "text"), [("at_risk", "At risk"), ("active", "Active"), ("Gold", "Gold"), ("VIP", "VIP"), ("a1", "a1")]
)
def test_a_category_is_a_word_rather_than_a_code(raw: str, text: str):
    assert formatting.value(Column("customer_status", "text", "", "", top_values=((raw, 3),)), raw) == text
    assert formatting.value(Column("first_name", "text", "", ""), raw) == raw


@pytest.mark.parametrize(
    ("locale", "shown", "share", "amount", "slider", "change"),
    [
        ("en-GB", "1,234,567.5", "12.5%", "€1,234.50", "%d%%", "−0.81"),
        ("de-DE", "1.234.567,5", "12,5\xa0%", "1.234,50\xa0€", "%d\xa0%%", "−0,81"),
        ("fr-FR", "1\u202f234\u202f567,5", "12,5\xa0%", "1\u202f234,50\xa0€", "%d\xa0%%", "−0,81"),
        ("tr-TR", "1.234.567,5", "%12,5", "€1.234,50", "%%%d", "−0,81"),
        ("not a locale", "1,234,567.5", "12.5%", "€1,234.50", "%d%%", "−0.81"),
    ],
)
def test_numbers_are_written_and_read_in_the_viewers_locale(
    viewer_locale: Callable[[str], None], locale: str, shown: str, share: str, amount: str, slider: str, change: str
):
    viewer_locale(locale)
    assert formatting.percent_format() == slider
    assert formatting.signed(-0.8125, 2) == change
    assert formatting.number(1234567.5) == shown
    assert formatting.read_number(shown) == 1234567.5
    assert formatting.percent(0.125, 1) == share
    assert formatting.money(1234.5) == amount


@pytest.mark.parametrize(
    ("locale", "thousands", "money", "millions"),
    [
        ("en-GB", "2.8K", "€12.5K", "€1.2M"),
        ("de-DE", "2.760", "12.453\xa0€", "1,2\xa0Mio.\xa0€"),
        ("it-IT", "2.760", "12.453\xa0€", "1,2\xa0Mln\xa0€"),
        ("fr-FR", "2,8\xa0k", "12,5\xa0k\xa0€", "1,2\xa0M\xa0€"),
    ],
)
def test_a_compact_number_is_short_in_every_locale(
    viewer_locale: Callable[[str], None], locale: str, thousands: str, money: str, millions: str
):
    viewer_locale(locale)
    assert formatting.compact(2_760.4) == thousands
    assert formatting.compact_money(12_453.379276918396) == money
    assert formatting.compact_money(1_234_567.8) == millions


@pytest.mark.parametrize(
    "text", ["abc", "1,5", "10,90", "1e5", "nan", "inf", "1_000", "٣", "", " ", "--5", "5%", "1.2.3"]
)
def test_what_is_no_number_is_refused(text: str):
    assert formatting.read_number(text) is None


def test_the_same_text_may_be_another_number_elsewhere(viewer_locale: Callable[[str], None]):
    assert (formatting.read_number("1,234"), formatting.read_number("-0.5"), formatting.read_number(" −12 ")) == (
        1234,
        -0.5,
        -12,
    )
    viewer_locale("de-DE")
    assert (formatting.read_number("1,5"), formatting.read_number("1.090"), formatting.read_number("1.5")) == (
        1.5,
        1090,
        None,
    )


@pytest.mark.parametrize("text", ["9" * 5_000, "9" * 400 + ".5"])
def test_a_number_beyond_all_sense_is_none(text: str):
    assert formatting.read_number(text) is None
    assert "is not a number" in Numbers(whole=True).fault(text)
