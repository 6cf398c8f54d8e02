"""Every figure on Overview equals an SQL query of its own."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from loyalty_core.demo.generate import generate
from loyalty_core.ml.bundles import write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.ui import elements
from loyalty_core.ui.navigation import OVERVIEW
from loyalty_core.ui.overview.card import Card, Mark
from loyalty_core.ui.overview.layout import first_layout, sent_layout
from loyalty_core.warehouse.source import name_data
from tests.fixtures.screens import OpenScreen, texts_of
from tests.fixtures.screens import plain as plain_text
from tests.ml.fixtures import bundle_parts
from tests.workbench import Configure, Query


@pytest.fixture
def overview(demo_settings: Configure, open_screen: OpenScreen) -> AppTest:
    """Overview of the demo, not scored yet, with its charts where a test can read them."""
    return plain(open_screen(OVERVIEW))


@pytest.fixture
def scored_twice(configure: Configure, demo_warehouse: Path, tmp_path: Path) -> Query:
    """The demo, scored once for its Bronze customers and then for all; reads both runs."""
    file = tmp_path / "warehouse.duckdb"
    shutil.copy(demo_warehouse, file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("ALTER VIEW customer_features_view RENAME TO everybody")
    for customers in ("WHERE customer_tier = 'Bronze'", ""):
        with duckdb.connect(str(file)) as connection:
            connection.execute(f"CREATE OR REPLACE VIEW customer_features_view AS FROM everybody {customers}")
        configure(dwh_url=f"duckdb:///{file}", ml_mock_mode=True)
        services = get_services()
        score_base(services.warehouse, services.inference.models())
        services.warehouse.close()
    services.prepare_store()
    before, now = sorted(tmp_path.glob("customer_predictions_mock.*Z.parquet"))
    runs = duckdb.connect()
    runs.execute(f"CREATE VIEW before AS FROM '{before}'; CREATE VIEW now AS FROM '{now}'")
    return lambda statement, *values: runs.execute(statement, values).fetchall()


def plain(app: AppTest) -> AppTest:
    """The same screen in the plain layout."""
    return app.toggle(key="plain").set_value(True).run()


def figures_of(app: AppTest) -> dict[str, AppTest]:
    return {metric.label.partition(" · ")[0]: metric for metric in app.metric}


def percentage(text: str) -> float:
    """12.5 from "12.5%" at the end of a text."""
    return float(text.rsplit(maxsplit=1)[-1].removesuffix("%"))


def rows_of(app: AppTest, title: str) -> list[tuple[str, str, int]]:
    """Name, numbers and length of each bar of a ranking, whose track is 100."""
    card = card_of(app, title)
    bars = [bar.proto for bar in card.get("progress")]
    named = [plain_text(bar.text).partition(" · ") for bar in bars]
    return [(name, numbers, bar.value) for (name, _, numbers), bar in zip(named, bars, strict=True)]


def card_of(app: AppTest, title: str) -> Block:
    return next(part for part in app.main if isinstance(part, Block) and headings_of(part) == [title])


def customers_in(shown: str) -> int:
    """1200 from "1,200 · 60.0%  ▲ 3"."""
    return int(shown.partition(" · ")[0].replace(",", ""))


def headings_of(part: Block) -> list[str]:
    return [heading.value for heading in part.get("subheader")]


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
    assert plain_text(figures["Active"].help) == "Active: bought within the last 90 days."


def test_revenue(overview: AppTest, query_demo: Query):
    [(revenue,)] = query_demo("SELECT sum(total_revenue) FROM customer_features_view")
    figure = figures_of(overview)["Revenue"]
    assert figure.value == f"€{revenue / 1_000_000:.1f}M"
    assert plain_text(figure.help) == f"€{revenue:,.2f}: the sum of total revenue."


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
    rows = rows_of(overview, "Customers by customer tier")
    assert [(tier, customers_in(shown), track) for tier, shown, track in rows] == [
        (tier, customers, round(customers / 20)) for tier, customers in reversed(tiers)
    ]
    assert [percentage(shown) for _, shown, _ in rows] == pytest.approx(
        [n / 20 for _, n in reversed(tiers)], abs=0.0501
    )


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


def test_expected_churners_and_how_many_more(scored_twice: Query, open_screen: OpenScreen):
    [(now,)] = scored_twice("SELECT sum(churn_probability) FROM now")
    [(before,)] = scored_twice("SELECT sum(churn_probability) FROM before")
    figure = figures_of(open_screen(OVERVIEW))["Expected churners"]
    assert figure.value == f"{now:,.0f}"
    assert figure.delta == f"{round(now - before):+,}".replace("-", "−")
    assert percentage(figure.label) == pytest.approx(now / 20, abs=0.5)
    assert figure.help.startswith("The sum of the churn probabilities of 2,000 customers. The change is since")


def test_risk_with_its_change(scored_twice: Query, open_screen: OpenScreen):
    counted = dict(scored_twice("SELECT churn_risk, count(*) FROM now GROUP BY 1"))
    before = dict(scored_twice("SELECT churn_risk, count(*) FROM before GROUP BY 1"))
    ring = bars_of(plain(open_screen(OVERVIEW)), "Churn risk")
    assert dict(zip(ring["labels"], ring["values"], strict=True)) == {
        risk.capitalize(): customers for risk, customers in counted.items()
    }
    more = counted["low"] - before["low"]
    sentence = ring["hovertext"][ring["labels"].index("Low")]
    words = re.fullmatch(
        r"Low risk: ([\d,]+) customers, ([\d.]+)%; ([\d,]+) more than in the scoring of .+\.", sentence
    )
    assert words
    assert (words[1], words[3]) == (f"{counted['low']:,}", f"{more:,}")
    assert float(words[2]) == pytest.approx(counted["low"] / 20, abs=0.0501)


def test_rfm_segments_from_strong_to_weak(scored_twice: Query, open_screen: OpenScreen):
    counted = scored_twice("SELECT rfm_segment, count(*) FROM now GROUP BY 1")
    rows = rows_of(plain(open_screen(OVERVIEW)), "RFM segments")
    assert {name: (customers_in(shown), track) for name, shown, track in rows} == {
        name: (customers, round(customers / 20)) for name, customers in counted
    }
    assert rows[0][0] == "Champions"
    assert [name for name, *_ in rows[-2:]] == ["Lost", "No Purchases"]


def test_offers_by_how_often_they_are_recommended(scored_twice: Query, open_screen: OpenScreen, query_demo: Query):
    names = dict(query_demo("SELECT offer_id, name FROM offers"))
    counted = scored_twice("SELECT recommended_offer, count(*) AS n FROM now GROUP BY 1 ORDER BY n, 1 DESC")
    rows = rows_of(plain(open_screen(OVERVIEW)), "Recommended offers")
    assert [(name, customers_in(shown), track) for name, shown, track in rows] == [
        (names[offer], customers, round(customers / 20)) for offer, customers in reversed(counted)
    ]


def test_top_segments_lead_to_themselves(scored_twice: Query, open_screen: OpenScreen):
    services = get_services()
    large = services.segments.create(SegmentDraft("Large [1]", {"==": [1, 1]}), actor="ann")
    for size in (40, 100):
        members = [[str(number) for number in range(size)]]
        services.segments.replace_members(large.id, members, base=2_000, version=1, cause="on demand")
    app = plain(open_screen(OVERVIEW))
    link = next(link.proto for link in app.get("page_link") if link.proto.label == r"Large \[1\]")
    assert link.query_string == f"segment={large.id}"
    assert "60 more than at the previous count" in link.help
    [bar] = card_of(app, "Top segments").get("progress")
    assert (bar.proto.text, bar.proto.value) == ("100 · 5.0%  ▲ 60", 5)


def test_without_models_it_offers_to_train_and_score(overview: AppTest):
    assert "Expected churners" not in figures_of(overview)
    assert any("No model has learned from this data yet" in text for text in texts_of(overview))
    buttons = [button.label for button in overview.button if not (button.key or "").startswith("tour-")]
    assert buttons == ["Train and score"]
    assert texts_of(overview).count("No predictions yet: score the customers first.") == 3


def test_a_version_that_awaits_a_decision_is_named(demo_settings: Configure, open_screen: OpenScreen):
    parts = replace(bundle_parts(), trained_on=name_data(get_services().warehouse))
    write_bundle(get_settings().models_dir, parts)
    app = open_screen(OVERVIEW)
    texts = texts_of(app)
    assert any("A trained version awaits a decision" in text for text in texts)
    assert not any("No model has learned" in text for text in texts)
    assert "See the trained version" in [link.proto.label for link in app.get("page_link")]


def test_without_a_state_store_the_rest_is_there(configure: Configure, demo_warehouse: Path, open_screen: OpenScreen):
    configure(dwh_url=f"duckdb:///{demo_warehouse}")
    for app in (open_screen(OVERVIEW), plain(open_screen(OVERVIEW))):
        assert not app.exception
        assert not app.error
        assert figures_of(app)["Customers"].value == "2,000"
        assert any("This cannot be started from here" in text for text in texts_of(app))
    assert "Top segments" not in [heading.value for heading in app.subheader]


def test_the_dashboard_has_the_cards_of_the_plain_layout(scored_twice: Query, open_screen: OpenScreen):
    [frame] = open_screen(OVERVIEW).get("component_instance")
    fixed = plain(open_screen(OVERVIEW))
    titles = [heading.value for heading in fixed.subheader]
    assert len(titles) == 8
    script = json.loads(frame.proto.json_args)["js"]
    positions = [script.index(f'"h3",{{}},["{title}"]') for title in titles]
    assert positions == sorted(positions)
    assert not fixed.get("component_instance")


def test_the_bar_of_a_month_that_is_not_over_is_pale_in_both_layouts(
    configure: Configure, open_screen: OpenScreen, demo_warehouse: Path, tmp_path: Path
):
    file = tmp_path / "warehouse.duckdb"
    shutil.copy(demo_warehouse, file)
    with duckdb.connect(file) as connection:
        connection.execute("DELETE FROM transactions WHERE transaction_at >= DATE '2026-10-14'")
    configure(dwh_url=f"duckdb:///{file}")
    app = open_screen(OVERVIEW)
    [frame] = app.get("component_instance")
    colours = re.findall(r'"color":"#[0-9a-f]{6}([0-9a-f]{2})"', json.loads(frame.proto.json_args)["js"])
    assert colours.count("73") == 1
    assert set(colours) == {"ff", "73"}
    assert bars_of(plain(app), "Revenue by month")["marker"]["opacity"][-2:] == [1.0, 0.45]


def test_plain_where_the_package_cannot_be_used(
    demo_settings: Configure, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(elements, "is_available", lambda: False)
    app = open_screen(OVERVIEW)
    assert "Revenue by month" in [heading.value for heading in app.subheader]
    assert not app.toggle
    assert not app.get("component_instance")


def test_in_the_first_layout_cards_neither_overlap_nor_hang_in_the_air():
    mark = (Mark("a", 1, "a."),)
    filled = [Card(name, name, "ranking", mark) for name in ("months", "risk", "rfm", "segments", "category", "spread")]
    places = first_layout([*filled[:3], Card("offers", "Empty", "ranking"), *filled[3:]])
    cells = {(x, y): card for card, p in places.items() for x in range(p.x, p.x + p.w) for y in range(p.y, p.y + p.h)}
    assert len(cells) == sum(place.w * place.h for place in places.values())
    assert max(x for x, _ in cells) < 12
    for card, place in places.items():
        above = {cells.get((x, place.y - 1)) for x in range(place.x, place.x + place.w)}
        assert place.y == 0 or above != {None}, card
    assert places["offers"].h == places["rfm"].h == 3
    without_months = first_layout([Card("risk", "Empty", "ring"), *filled[2:]])
    assert [(place.x, place.y) for place in list(without_months.values())[:3]] == [(0, 0), (4, 0), (8, 0)]


def test_a_ranking_is_as_high_as_its_rows_need():
    marks = [Mark(str(number), 1, "a.") for number in range(12)]
    heights = [first_layout([Card("rfm", "RFM", "ranking", tuple(marks[:count]))])["rfm"].h for count in range(13)]
    assert heights == [3, 3, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9]
    assert first_layout([Card("rfm", "RFM", "ranking", tuple(marks[:11]), note="A note.")])["rfm"].h == 9


def test_the_wide_layout_alone_is_taken_from_the_browser():
    place = {"x": 0, "y": 2, "w": 7, "h": 6}
    sent = {"lg": [{"i": "months", **place, "moved": False}, {"i": "bad"}], "xxs": [{"i": "risk", **place}]}
    assert {card: vars(place) for card, place in sent_layout(sent).items()} == {"months": place}
    assert sent_layout({"xxs": []}) == {}
