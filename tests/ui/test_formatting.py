"""Values as people read them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from loyalty_core.ui import formatting as format
from loyalty_core.warehouse.columns.catalog import Column
from tests.workbench import Configure

pytestmark = pytest.mark.usefixtures("configure")


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        ("total_revenue", 1234.5, "€1,234.50"),
        ("total_revenue", Decimal("-0.10"), "-€0.10"),
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
    assert format.loose_value(name, raw) == text


def test_a_share_is_a_percentage_only_within_one():
    within = Column("churn_score", "number", "", "", minimum=0.0, maximum=1.0)
    beyond = Column("churn_score", "number", "", "", minimum=0, maximum=100)
    assert format.value(within, 0.1234) == "12.3%"
    assert format.value(beyond, 55) == "55"


def test_moments_stand_in_the_zone_of_the_settings(configure: Configure):
    configure(time_zone="Europe/Oslo")
    assert format.moment(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == "2 Jul 2026, 00:30"


def test_money_follows_the_currency_of_the_settings(configure: Configure):
    configure(currency="NOK")
    assert format.compact_money(8_910_000) == "NOK8.9M"
    assert format.compact_money(-478.7594579) == "-NOK478.76"
    assert format.currency_symbol() == "NOK"


def test_counts_and_shares():
    assert format.count(20_000) == "20,000"
    assert format.compact_money(2e18) == "€2e+18"
    assert format.percent(0.1249) == "12%"
    assert format.percent(0.1249, 1) == "12.5%"
