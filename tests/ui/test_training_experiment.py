"""The A/B test on the Training screen: started, both arms seen, grown, stopped, decided, and what is known when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.outcomes import ArmOutcomes, Interval, Measure, Share
from loyalty_core.analytics.outcomes.by_version import VersionResult
from loyalty_core.ml.bundles import (
    Experiment,
    read_active,
    running_experiment,
    start_experiment,
    version_folder,
    write_bundle,
)
from loyalty_core.ml.scoring import score_base
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.ui import formatting
from loyalty_core.ui.navigation import CUSTOMERS, TRAINING
from tests.fixtures.screens import texts_of
from tests.ml.fixtures import other_parts
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure

TAB = "A/B test"


@pytest.fixture
def challenger(trained: str) -> str:
    return write_bundle(get_settings().models_dir, other_parts())


def running() -> Experiment | None:
    return running_experiment(get_settings().models_dir)


def text_of(app: AppTest) -> str:
    return " ".join(texts_of(app)).replace("\\", "")


def has_button(app: AppTest, key: str) -> bool:
    return any(button.key == key for button in app.button)


def test_a_test_needs_two_versions(trained: str, open_screen: OpenScreen):
    app = open_screen(TRAINING, view=TAB)
    assert app.info[0].value.startswith("An A/B test needs two versions")
    assert not has_button(app, "start-test")


def test_started_grown_and_stopped(trained: str, challenger: str, open_screen: OpenScreen):
    app = open_screen(TRAINING, view=TAB)
    app.slider(key="share").set_value(30).run()
    assert f"About 600 of 2,000 customers are answered by {challenger}, all others by {trained}" in text_of(app)
    app.button(key="start-test").click().run()
    started = running()
    assert (started.champion, started.challenger, started.share) == (trained, challenger, 0.3)
    assert f"A/B test: {challenger}, 30% of the customers" in text_of(app)
    assert f"{challenger} answers 30% of the customers beside {trained}." in text_of(app)
    assert app.text_input(key="larger-share").value == "60"
    app.text_input(key="larger-share").set_value("45").run()
    app.button(key="grow-test").click().run()
    assert running() == replace(started, share=0.45, share_since=running().share_since)
    app.button(key="stop-test").click().run()
    assert running() is None
    assert has_button(app, "start-test")
    assert "A/B test:" not in text_of(app)


def test_all_versions_say_which_is_tested(trained: str, challenger: str, open_screen: OpenScreen):
    start_experiment(get_settings().models_dir, challenger, 0.5, "ann")
    table = open_screen(TRAINING, view="Versions").dataframe[0].value
    assert table.set_index("Version")["State"].to_dict() == {challenger: "In A/B test", trained: "Active"}


def test_the_customer_page_says_which_version_answered(trained: str, challenger: str, open_screen: OpenScreen):
    start_experiment(get_settings().models_dir, challenger, 0.5, "ann")
    service = get_services().inference
    version = service.predict_customer(GUIDE_CUSTOMER).model_version
    part = "challenger" if version == challenger else "champion"
    shown = text_of(open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER))
    assert f"Model version {version}, the {part} of an A/B test" in shown


def test_both_arms_side_by_side(
    trained: str, challenger: str, open_screen: OpenScreen, demo_settings: Configure, tmp_path: Path
):
    demo_settings(predictions_file=tmp_path / "predictions.parquet")
    start_experiment(get_settings().models_dir, challenger, 0.3, "ann")
    app = open_screen(TRAINING, view=TAB)
    assert "The last scoring was not by both versions with these shares." in text_of(app)
    assert app.button(key="score-arms-start").label == "Score now"
    arms = score_base(get_services().warehouse, get_services().inference.served()).arms
    app = open_screen(TRAINING, view=TAB)
    assert [heading.value for heading in app.subheader][:2] == ["Champion", "Challenger"]
    shown = {metric.label: [] for metric in app.metric}
    for metric in app.metric:
        shown[metric.label].append((metric.value, metric.delta))
    assert [value for value, _ in shown["Customers"]] == [f"{arms[version]:,}" for version in (trained, challenger)]
    share = formatting.percent(arms[challenger] / DEMO_CUSTOMERS, 1)
    assert shown["Customers"][1][1] == f"{share} of all, 30% intended"
    charts = {chart.proto.id.rpartition("-arm-")[2]: chart.proto.alt for chart in app.get("plotly_chart")}
    assert set(charts) == {"risks", "offers"}
    assert charts["risks"].startswith("Champion: Low ")
    assert "; Challenger: Low " in charts["risks"]
    assert "are expected from" in app.info[0].value
    assert not app.dataframe


def test_what_is_known_stands_in_a_table(
    trained: str, challenger: str, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
):
    start_experiment(get_settings().models_dir, challenger, 0.5, "ann")
    outcomes = ArmOutcomes(
        VersionResult(trained, Share(48, 80), 0.5, Share(3, 10)),
        VersionResult(challenger, Share(56, 70), 0.75, Share(9, 10)),
        {trained: Measure(0.7, Interval(0.6, 0.8)), challenger: Measure(0.75, Interval(0.65, 0.85))},
    )
    monkeypatch.setattr("loyalty_core.ui.training.experiment.queries.read_arm_outcomes", lambda *_: outcomes)
    app = open_screen(TRAINING, view=TAB)
    table = app.dataframe[0].value.set_index("")
    assert table.loc["Left"].tolist() == [
        "60.0% of 80 (49.0% to 70.0%)", "80.0% of 70 (69.2% to 87.7%)", "+20.0 points (+5.2 to +33.4)",
    ]  # fmt: skip
    assert table.loc["Mean churn probability"].tolist() == ["50.0%", "75.0%", ""]
    assert table.loc["AUC"].tolist() == ["0.700 (0.600 to 0.800)", "0.750 (0.650 to 0.850)", ""]
    assert table.loc["Took the offer named first", "Difference"] == "+60.0 points (+17.1 to +80.9)"


def test_the_challenger_is_activated_and_the_test_is_over(trained: str, challenger: str, open_screen: OpenScreen):
    start_experiment(get_settings().models_dir, challenger, 0.5, "ann")
    app = open_screen(TRAINING, view=TAB)
    app.button(key="activate-challenger").click().run()
    assert read_active(get_settings().models_dir).version == challenger
    assert running() is None
    assert has_button(app, "start-test")


def test_a_worse_challenger_must_be_confirmed(trained: str, open_screen: OpenScreen):
    parts = other_parts()
    worse = replace(parts.models["churn"], metrics={"auc": 0.7})
    folder = get_settings().models_dir
    version = write_bundle(folder, replace(parts, models=parts.models | {"churn": worse}))
    start_experiment(folder, version, 0.5, "ann")
    app = open_screen(TRAINING, view=TAB)
    assert app.button(key="activate-challenger").disabled
    app.text_input(key="challenger-in-test-confirm").set_value(version[-4:]).run()
    app.button(key="activate-challenger").click().run()
    assert read_active(folder).version == version


def test_a_challenger_that_breaks_its_contract_is_not_started(trained: str, challenger: str, open_screen: OpenScreen):
    (version_folder(get_settings().models_dir, challenger) / "nbo.tflite").write_bytes(b"damaged")
    app = open_screen(TRAINING, view=TAB)
    app.button(key="start-test").click().run()
    assert "was changed after it was written" in app.error[0].value
    assert running() is None


def test_damage_is_named_and_stopped(trained: str, challenger: str, open_screen: OpenScreen):
    file = get_settings().models_dir / "experiment.json"
    file.write_bytes(b"{}")
    app = open_screen(TRAINING, view=TAB)
    assert "A/B test damaged" in text_of(app)
    assert "experiment.json" in app.error[0].value.replace("\\", "")
    app.button(key="stop-test").click().run()
    assert not file.exists()
    assert has_button(app, "start-test")
