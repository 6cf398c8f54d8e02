"""Every figure on Overview equals an SQL query of its own."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.demo.generate import generate
from loyalty_core.ui.navigation import OVERVIEW
from tests.ui.conftest import OpenScreen
from tests.workbench import Configure, Query


@pytest.fixture
def overview(demo_settings: Configure, open_screen: OpenScreen) -> AppTest:
    """Overview of the demo."""
    return open_screen(OVERVIEW)


def figures_of(app: AppTest) -> dict[str, AppTest]:
    return {metric.label.partition(" · ")[0]: metric for metric in app.metric}


def percentage(text: str) -> float:
    """12.5 from "12.5%" at the end of a text."""
    return float(text.rsplit(maxsplit=1)[-1].removesuffix("%"))


def bars_of(app: AppTest, title: str) -> dict[str, Any]:
    """The first trace of the chart whose panel has this title."""
    chart = next(chart for chart in app.get("plotly_chart") if chart.proto.alt == f"{title}.")
    return json.loads(chart.proto.spec)["data"][0]


def test_customers_and_the_active_among_them(overview: AppTest, query_demo: Query):
    [(customers, active)] = query_demo(
        "SELECT count(*), count(*) FILTER (last_purchase_days_ago <= 90) FROM customer_features_view"
    )
    figures = figures_of(overview)
    assert figures["Customers"].value == f"{customers:,}"
    assert figures["Active"].value == f"{active:,}"
    assert percentage(figures["Active"].label) == pytest.approx(100 * active / customers, abs=0.5)
    assert figures["Active"].help == "Active: bought within the last 90 days."


def test_revenue(overview: AppTest, query_demo: Query):
    [(revenue,)] = query_demo("SELECT sum(total_revenue) FROM customer_features_view")
    figure = figures_of(overview)["Revenue"]
    assert figure.value == f"€{revenue / 1_000_000:.1f}M"
    assert figure.help == f"€{revenue:,.2f}: the sum of total revenue."


def test_blank_values(overview: AppTest, query_demo: Query):
    names = [name for name, *_ in query_demo("DESCRIBE customer_features_view")]
    shares = [query_demo(f"SELECT 1 - count({name}) / count(*) FROM customer_features_view")[0][0] for name in names]
    figure = figures_of(overview)["Blank values"]
    assert percentage(figure.value) == pytest.approx(100 * sum(shares) / len(shares), abs=0.05)
    assert figure.help == f"Share of empty cells; {sum(share > 0 for share in shares)} of the columns have some."


def test_revenue_by_month(overview: AppTest, query_demo: Query):
    months = query_demo(
        "SELECT strftime(date_trunc('month', transaction_at), '%Y-%m-%d'), sum(amount)::DOUBLE, count(*) "
        "FROM transactions GROUP BY 1 ORDER BY 1"
    )
    bars = bars_of(overview, "Revenue by month")
    assert bars["x"] == [month for month, _, _ in months]
    assert bars["y"] == pytest.approx([amount for _, amount, _ in months])
    assert bars["hovertext"][-1].endswith(f"€{months[-1][1]:,.2f} in {months[-1][2]:,} purchases")


def test_customers_by_tier(overview: AppTest, query_demo: Query):
    tiers = query_demo("SELECT customer_tier, count(*) AS n FROM customer_features_view GROUP BY 1 ORDER BY n, 1 DESC")
    bars = bars_of(overview, "Customers by customer tier")
    assert list(zip(bars["y"], bars["x"], strict=True)) == tiers
    assert [percentage(text) for text in bars["text"]] == pytest.approx([n / 20 for _, n in tiers], abs=0.0501)


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("Customers by total revenue", "total_revenue"),
        ("Customers by days since last purchase", "last_purchase_days_ago"),
    ],
)
def test_the_spread_of_a_number(overview: AppTest, query_demo: Query, title: str, column: str):
    bars = bars_of(overview, title)
    [(filled, below)] = query_demo(
        f"SELECT count({column}), count(*) FILTER ({column} < ?) FROM customer_features_view", 2 * bars["x"][0]
    )
    assert sum(bars["y"]) == filled
    assert bars["y"][0] == below  # the first bar starts at 0, so twice its middle is its end


def test_figures_change_when_the_file_is_replaced(
    configure: Configure, open_screen: OpenScreen, demo_warehouse: Path, tmp_path: Path
):
    file = tmp_path / "warehouse.duckdb"
    shutil.copy(demo_warehouse, file)
    configure(dwh_url=f"duckdb:///{file}")
    before = {metric.label: metric.value for metric in open_screen(OVERVIEW).metric}
    generate(tmp_path / "other.duckdb", customers=300)
    (tmp_path / "other.duckdb").replace(file)
    after = {metric.label: metric.value for metric in open_screen(OVERVIEW).metric}
    assert (before["Customers"], after["Customers"]) == ("2,000", "300")
