"""The Monitoring tab without a browser: the sentence, alarms, drift then and now, and run beside run."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest

from loyalty_core.ml.scoring import score_base
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import TRAINING
from tests.fixtures.screens import OpenScreen, texts_of
from tests.workbench import DEMO_CUSTOMERS, activate_with

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.workbench import Configure


def opened(open_screen: OpenScreen) -> AppTest:
    return open_screen(TRAINING, view="Monitoring")


def text_of(app: AppTest) -> str:
    return " ".join(texts_of(app))


def chart(app: AppTest, start: str) -> Any:
    """What is drawn in the chart whose description starts so."""
    found = next(one for one in app.get("plotly_chart") if one.proto.alt.startswith(start))
    return json.loads(found.proto.spec)["data"]


def unescaped(text: str) -> str:
    return text.replace("\\", "")


@pytest.fixture
def asleep(demo_settings: Configure, demo_warehouse: Path, watched: str, tmp_path: Path) -> Configure:
    """The same programme half a year later, when nobody has bought anything."""
    file = shutil.copy(demo_warehouse, tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE customer_features SET last_purchase_days_ago = last_purchase_days_ago + 180")
    demo_settings(dwh_url=f"duckdb:///{file}")
    return demo_settings


def test_models_that_hold(watched: str, open_screen: OpenScreen):
    app = opened(open_screen)
    assert not app.exception
    assert unescaped(app.success[0].value) == (
        "**No need to retrain yet: no feature has moved since the training and the models were trained today.**"
    )
    assert not app.error
    assert "Nobody has been scored yet, so there are no scores to look at." in text_of(app)
    table = app.dataframe[0].value
    assert table["Feature"].tolist()[0] == "Total revenue"
    assert set(table["State"]) == {"● stable"}
    assert set(table["What moved most"]) == {"nothing"}
    assert min(table["PSI, next best offer rows"]) > 0
    assert f"The {DEMO_CUSTOMERS:,} customers of today compared with the {DEMO_CUSTOMERS:,} at the training" in text_of(
        app
    )


def test_a_feature_that_drifted(asleep: Configure, open_screen: OpenScreen):
    app = opened(open_screen)
    sentence = unescaped(app.warning[0].value)
    assert sentence == "**Retrain now: Days since last purchase has drifted since the training.**"
    assert "Also: the models were trained today." in text_of(app)
    first = app.dataframe[0].value.iloc[0]
    assert (first["Feature"], first["State"]) == ("Days since last purchase", "◆ drifted")
    then, now, *training = chart(app, "Days since last purchase, share of customers at training and today")
    assert [trace["name"] for trace in training] == [
        "Rows of the churn model", "Rows of the next best offer model",
    ]  # fmt: skip
    assert {trace["visible"] for trace in training} == {"legendonly"}
    assert sum(then["y"]) == pytest.approx(1)
    assert sum(now["y"]) == pytest.approx(1)
    assert then["y"][0] > now["y"][0] == 0


def test_a_model_that_got_worse(demo_settings: Configure, open_screen: OpenScreen):
    activate_with(first="2026-03-01", validation_from="2026-06-01", test_from="2026-07-01", last="2026-07-01")
    sentence = unescaped(opened(open_screen).warning[0].value)
    assert "the churn model has got worse: AUC" in sentence


def test_one_run_is_described_in_a_sentence(
    watched: str, demo_settings: Configure, predictions_file: Path, open_screen: OpenScreen
):
    demo_settings(predictions_file=predictions_file)
    app = opened(open_screen)
    (sentence,) = [info.value for info in app.info if "one scoring run so far" in info.value]
    assert "with a mean churn probability of" in sentence
    assert not any("scoring run" in one.proto.alt for one in app.get("plotly_chart"))
    assert "The last scoring was made in mock mode" in " ".join(info.value for info in app.info)


def test_runs_stand_beside_each_other(watched: str, demo_settings: Configure, open_screen: OpenScreen, tmp_path: Path):
    demo_settings(predictions_file=tmp_path / "predictions.parquet")
    services = get_services()
    for _ in range(2):
        score_base(services.warehouse, services.inference.models())
    app = opened(open_screen)
    table = app.dataframe[1].value
    assert table["Model"].tolist() == [watched, watched]
    assert table["Customers"].tolist() == [f"{DEMO_CUSTOMERS:,}"] * 2
    assert table["Churn PSI"].tolist() == ["0.000 ● stable", "—"]
    assert table["Offers PSI"].tolist() == ["0.000 ● stable", "—"]
    assert table["What is behind it"].tolist() == [
        "The customers: the model is the same.", "The oldest stored run.",
    ]  # fmt: skip
    risks = chart(app, "Mean churn probability by scoring run, oldest first")
    assert [trace["name"] for trace in risks] == ["High risk", "Medium risk", "Low risk", "Mean probability"]
    assert [sum(trace["y"][run] for trace in risks[:3]) for run in (0, 1)] == [pytest.approx(1)] * 2
    offers = chart(app, "Share of customers by best offer in 2 scoring runs.")
    assert [sum(trace["y"][run] for trace in offers) for run in (0, 1)] == [pytest.approx(1)] * 2


def test_one_offer_for_all_is_an_alarm(
    watched: str, demo_settings: Configure, predictions_file: Path, open_screen: OpenScreen, tmp_path: Path
):
    degenerate = tmp_path / "predictions.parquet"
    table = pq.read_table(predictions_file)
    for name, value in (("churn_probability", 0.3), ("recommended_offer", 2)):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, [[value] * table.num_rows])
    pq.write_table(table, degenerate)
    demo_settings(predictions_file=degenerate)
    (box,) = opened(open_screen).error
    alarms = unescaped(box.value).splitlines()
    assert alarms[0].startswith(
        "- **100.0% of the customers scored have nearly the same churn probability, about 30.0%.**"
    )
    assert "is the best offer of 100.0% of the customers scored.**" in alarms[1]


def test_a_version_without_a_reference_says_what_to_do(trained: str, open_screen: OpenScreen):
    app = opened(open_screen)
    assert not app.exception
    assert any("has nothing to compare with" in info.value and "Train again" in info.value for info in app.info)
    assert not any("at training and today" in one.proto.alt for one in app.get("plotly_chart"))


def test_before_the_first_training(demo_settings: Configure, open_screen: OpenScreen):
    assert opened(open_screen).info[0].value == "There is no active version yet. Train one, and activate it."
