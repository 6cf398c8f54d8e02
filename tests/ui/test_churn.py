"""The Churn screen: what it shows is what SQL says, and it follows its inputs."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from loyalty_core.analytics import churn
from loyalty_core.analytics.churn import ModelQuality
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import CHURN
from tests.fixtures.screens import OpenScreen, texts_of
from tests.segments.scored import keep, mock_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.workbench import Configure, Query


# The demo's customers who can still be contacted: the others have bought nothing for more than GONE_AFTER_DAYS.
HERE = "(SELECT * FROM customers WHERE coalesce(days_since_last_transaction <= 180, true))"


@pytest.fixture
def scored(demo_settings: Configure, predictions_file: Path) -> Configure:
    """The demo with predictions of mock models."""
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    return demo_settings


def metrics_of(app: AppTest) -> dict[str, AppTest]:
    return {metric.label.partition(" · ")[0]: metric for metric in app.metric}


def figure(app: AppTest, start: str) -> Any:
    """The chart whose description starts so."""
    chart = next(chart for chart in app.get("plotly_chart") if chart.proto.alt.startswith(start))
    return json.loads(chart.proto.spec)


def bars(values: Any) -> list[float]:
    return values if isinstance(values, list) else pytest.fail(f"packed values: {values}")


def text_of(app: AppTest) -> str:
    return " ".join(texts_of(app))


def in_full(number: str) -> int:
    return int(number.replace(",", ""))


def test_key_figures(scored: Configure, open_screen: OpenScreen, sql: Query):
    shown = metrics_of(open_screen(CHURN))
    by_risk = dict(sql("SELECT churn_risk, count(*) FROM customers GROUP BY 1"))
    for risk in ("low", "medium", "high"):
        assert in_full(shown[f"{risk.capitalize()} risk"].value) == by_risk.get(risk, 0)
    [(churners, loss, share)] = sql(
        "SELECT sum(churn_probability), sum(churn_probability * total_revenue), "
        "sum(churn_probability * total_revenue) / sum(total_revenue) FROM customers"
    )
    assert in_full(shown["Expected churners"].value) == round(churners)
    assert f"{loss:,.2f}" in shown["Revenue at risk"].help
    assert shown["Revenue at risk"].label.endswith(f"{share:.0%}")


def test_mock_mode_says_that_nothing_was_tested(scored: Configure, open_screen: OpenScreen):
    text = text_of(open_screen(CHURN))
    assert "Mock mode: the probabilities are made up by a formula, and no model has been tested." in text
    assert "test customers" not in text


def test_a_model_without_a_record_of_its_test(
    trained: str, predictions_file: Path, demo_settings: Configure, open_screen: OpenScreen
):
    demo_settings(predictions_file=predictions_file)
    text = text_of(open_screen(CHURN))
    assert "Model: not known" in text
    assert "No test results were recorded at training." in text


def assert_targeting(app: AppTest, sql: Query, threshold: float) -> None:
    [(customers, churners, loyal, everybody)] = sql(
        "SELECT count(*), sum(churn_probability), sum(1 - churn_probability), "
        f"(SELECT sum(churn_probability) FROM {HERE}) FROM {HERE} WHERE churn_probability >= ?",
        threshold,
    )
    shown = metrics_of(app)
    assert in_full(shown["Customers contacted"].value) == customers
    assert shown["Expected churners captured"].value == f"{churners / everybody:.1%}"
    assert shown["Expected churners captured"].delta == f"{churners:,.0f} of {everybody:,.0f}"
    assert in_full(shown["Loyal customers wrongly targeted"].value) == round(loyal)
    assert shown["Loyal customers wrongly targeted"].delta == f"{loyal / customers:.1%} of those contacted"


def test_the_figures_follow_the_threshold(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(CHURN)
    assert_targeting(app, sql, 0.7)
    app.slider(key="threshold").set_value(43).run()
    assert_targeting(app, sql, 0.43)
    below, above = figure(app, "Customers by churn probability")["data"]
    counted = dict(sql(f"SELECT least(floor(churn_probability * 20), 19)::int, count(*) FROM {HERE} GROUP BY 1"))
    assert [one + other for one, other in zip(bars(below["y"]), bars(above["y"]), strict=True)] == [
        counted.get(bar, 0) for bar in range(20)
    ]
    [(contacted,)] = sql(f"SELECT count(*) FROM {HERE} WHERE churn_probability >= 0.43")
    assert sum(bars(above["y"])) == contacted


def test_a_link_carries_the_threshold_and_the_segment(scored: Configure, open_screen: OpenScreen, sql: Query):
    keep(get_services().segmentation, "Rich", {">": [{"var": "total_revenue"}, 800]})
    app = open_screen(CHURN, scope="Rich", threshold="30")
    assert app.slider(key="threshold").value == 30
    [(customers,)] = sql(f"SELECT count(*) FROM {HERE} WHERE total_revenue > 800 AND churn_probability >= 0.3")
    assert in_full(metrics_of(app)["Customers contacted"].value) == customers


def test_the_check_on_test_rows_is_exact_whatever_the_scope(
    scored: Configure, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
):
    # 40 of the 100 rows from 0.5 on left, and 10 of the 900 others.
    counted = ([100, 900, 10], [500, 60, 10], [730, 40, 30])
    quality = ModelQuality("v1", False, "A", "Good.", 1_000, thousandths=counted)
    monkeypatch.setattr(churn, "model_quality", lambda models: quality)
    keep(get_services().segmentation, "Leaving", {">=": [{"var": "churn_probability"}, 0.7]})
    said = (
        "of 1,000 test rows, 10.0% were at or above this threshold. They included 80.0% (67.0% to 88.8%) of those who "
        "left; 60.0% (50.2% to 69.1%) of them stayed."
    )
    assert said in text_of(open_screen(CHURN, threshold="50"))
    app = open_screen(CHURN, threshold="50", scope="Leaving")
    assert metrics_of(app)["Customers contacted"].delta.startswith("100.0% of")
    assert said in text_of(app)


def test_an_older_version_says_that_the_check_is_approximate(
    scored: Configure, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
):
    deciles = tuple({"rows": 100, "actual": 0.9 - 0.09 * i, "captured": (i + 1) / 10} for i in range(10))
    quality = ModelQuality("v1", False, "A", "Good.", 1_000, deciles=deciles)
    monkeypatch.setattr(churn, "model_quality", lambda models: quality)
    assert "This version recorded deciles only" in text_of(open_screen(CHURN, threshold="50"))


def test_a_base_that_is_not_like_the_test_rows_is_not_called_good(
    scored: Configure, open_screen: OpenScreen, sql: Query, monkeypatch: pytest.MonkeyPatch
):
    [(mean,)] = sql("SELECT avg(churn_probability) FROM customers")
    quality = ModelQuality("v1", False, "A", "Good.", 1_000, expected=mean)
    monkeypatch.setattr(churn, "model_quality", lambda models: quality)
    assert "Model: adds a lot" in text_of(open_screen(CHURN))
    monkeypatch.setattr(churn, "model_quality", lambda models: replace(quality, expected=mean / 2))
    app = open_screen(CHURN)
    assert "Model: tested on another base" in text_of(app)
    assert f"Of the test rows it expected {mean / 2:.1%} to leave, of the whole base now {mean:.1%}." in " ".join(
        warning.value for warning in app.warning
    )


def test_those_who_have_left_are_counted_but_not_contacted(scored: Configure, open_screen: OpenScreen, sql: Query):
    [(left, everyone)] = sql("SELECT count(*) FILTER (days_since_last_transaction > 180), count(*) FROM customers")
    app = open_screen(CHURN)
    assert any(f"{left:,} customers have already left" in info.value for info in app.info)
    assert metrics_of(app)["Customers contacted"].delta.endswith(f"of {everyone - left:,}")
    scored(gone_after_days=10_000)
    app = open_screen(CHURN)
    assert not any("already left" in info.value for info in app.info)
    assert metrics_of(app)["Customers contacted"].delta.endswith(f"of {everyone:,}")


@pytest.mark.parametrize(("field", "typed"), [("cost", "abc"), ("cost", "-5"), ("cost", "1,5"), ("saved", "10,90")])
def test_what_is_no_number_is_refused_in_place(scored: Configure, open_screen: OpenScreen, field: str, typed: str):
    app = open_screen(CHURN)
    app.text_input(key=field).set_value(typed).run()
    said = "Enter 0 or more." if typed == "-5" else f"“{typed}” is not a number. Write it like 1,234.5."
    assert f":red[{said}]" in text_of(app)
    assert "Best number to contact" not in metrics_of(app)
    app.text_input(key=field).set_value("7.5").run()
    assert "Best number to contact" in metrics_of(app)


def test_the_best_number_to_contact(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(CHURN, cost="30.0", saved="10.0", value="Lifetime value")
    [(profit, customers)] = sql(
        "SELECT sum(greatest(0.1 * churn_probability * lifetime_value - 30, 0)), "
        f"count(*) FILTER (0.1 * churn_probability * lifetime_value >= 30) FROM {HERE}"
    )
    shown = metrics_of(app)
    assert in_full(shown["Best number to contact"].value) == pytest.approx(customers, rel=0.01)
    assert profit_of(app) == pytest.approx(profit, rel=0.01)
    app.text_input(key="cost").set_value("1000000").run()
    assert "Best number to contact" not in metrics_of(app)
    assert any("No contact pays" in info.value for info in app.info)


def test_dollars_are_not_taken_for_formulas(scored: Configure, open_screen: OpenScreen):
    scored(currency="USD")
    shown = metrics_of(open_screen(CHURN))
    for text in (shown["Expected profit"].delta, shown["Revenue at risk"].help):
        assert text.count("$") == text.count(r"\$") == 2


def profit_of(app: AppTest) -> float:
    """From a text such as €12.3K."""
    number, unit = re.fullmatch(r"€([\d.]+)([KM]?)", metrics_of(app)["Expected profit"].value).groups()
    return float(number) * {"": 1, "K": 1e3, "M": 1e6}[unit]


def test_one_amount_for_everybody(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(CHURN)
    app.selectbox(key="value").select("").run()
    app.text_input(key="cost").set_value("8").run()
    [(customers,)] = sql(f"SELECT count(*) FROM {HERE} WHERE churn_probability >= 0.4")
    assert in_full(metrics_of(app)["Best number to contact"].value) == customers  # 0.2 · 100 · 0.4 = 8
    assert re.search(r"Contact from a probability of \*\*40\.\d%\*\*", text_of(app))


@contextmanager
def aggregates() -> Iterator[list[str]]:
    """Statements with a GROUP BY that the warehouse is asked meanwhile."""
    found: list[str] = []
    engine = get_services().warehouse.engine

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "GROUP BY" in statement:
            found.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(engine, "before_cursor_execute", note)


def test_only_another_money_column_asks_the_warehouse(scored: Configure, open_screen: OpenScreen):
    app = open_screen(CHURN)
    with aggregates() as asked:
        app.slider(key="threshold").set_value(20).run()
        app.text_input(key="cost").set_value("12").run()
        app.text_input(key="saved").set_value("35").run()
        assert asked == []
        app.selectbox(key="value").select("lifetime_value").run()
        assert len(asked) == 1


def test_the_table_of_customers(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(CHURN, view="Customers", risk="High", page="2")
    expected = sql(
        "SELECT full_name, churn_probability, churn_probability * total_revenue AS loss, last_purchase_days_ago > 180 "
        "FROM customers WHERE churn_risk = 'high' ORDER BY loss DESC, customer_id LIMIT 25 OFFSET 25"
    )
    table = app.dataframe[0].value
    assert list(table["Name"]) == [name for name, *_ in expected]
    assert list(table["Value at risk"]) == [f"€{loss:,.2f}" for _, _, loss, _ in expected]
    assert list(table["Probability"]) == [round(p, 3) for _, p, *_ in expected]
    assert set(table["Risk"]) == {"▲ high"}
    left = [has_left for *_, has_left in expected]
    assert [text.startswith("Do not contact about churn") for text in table["Recommendation"]] == left
    present = left.index(False)
    prediction = get_services().inference.predict_churn(table["ID"].iloc[present])
    assert table["Recommendation"].iloc[present] == ". ".join(prediction["recommendations"]) + "."


def test_drivers_and_groups(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(CHURN, view="Drivers and groups")
    assert {f"Risk by {what}" for what in ("customer tier", "region", "tenure")} <= {one.value for one in app.subheader}
    by_tier, high_risk, numbers = figure(app, "Bronze")["data"]
    expected = sql(
        "SELECT customer_tier, count(*), avg(churn_probability), avg((churn_risk = 'high')::int) "
        "FROM customers GROUP BY 1 ORDER BY 3"
    )
    assert [name.partition(" · ")[0] for name in by_tier["y"]] == [tier for tier, *_ in expected]
    assert bars(by_tier["x"]) == pytest.approx([mean for _, _, mean, _ in expected])
    assert bars(high_risk["x"]) == pytest.approx([high for *_, high in expected])
    assert numbers["text"] == [f"{mean:.0%}" for _, _, mean, _ in expected]
    tenure = figure(app, "Under 90 days")["data"][0]
    [(over_five_years,)] = sql("SELECT count(*) FROM customers WHERE tenure_days >= 1825")
    assert ("5 years or more" in tenure["y"][0]) == (over_five_years > 0)
    ids = [one for (one,) in sql("SELECT customer_id FROM customers ORDER BY md5(customer_id) LIMIT 200")]
    drivers = get_services().inference.mean_drivers("churn", ids)
    shown = figure(app, next(iter(drivers)))["data"][0]
    assert bars(shown["x"])[::-1] == pytest.approx(list(drivers.values()))


def test_one_probability_for_all_is_warned_of(
    demo_settings: Configure, open_screen: OpenScreen, predictions_file: Path, tmp_path: Path
):
    degenerate = tmp_path / "predictions.parquet"
    table = pq.read_table(mock_file(predictions_file))
    place = table.schema.get_field_index("churn_probability")
    pq.write_table(table.set_column(place, "churn_probability", [[0.25] * table.num_rows]), mock_file(degenerate))
    demo_settings(predictions_file=degenerate, ml_mock_mode=True)
    assert (
        open_screen(CHURN)
        .warning[0]
        .value.startswith("100.0% of these customers have nearly the same probability, about 25.0%")
    )


def test_an_empty_segment_says_so(scored: Configure, open_screen: OpenScreen):
    keep(get_services().segmentation, "Nobody", {"<": [{"var": "total_revenue"}, -1]})
    app = open_screen(CHURN, scope="Nobody")
    assert any("Nobody in scope has a churn probability" in info.value for info in app.info)


def test_before_the_first_scoring_run_it_says_what_to_do(
    demo_settings: Configure, tmp_path: Path, open_screen: OpenScreen
):
    demo_settings(predictions_file=tmp_path / "none.parquet")
    app = open_screen(CHURN)
    assert "The customers have not been scored yet." in text_of(app)
    assert not app.metric
