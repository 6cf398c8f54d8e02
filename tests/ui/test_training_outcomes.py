"""The Monitoring tab without a browser: stored predictions and past months beside what happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.analytics.outcomes import replay_history
from loyalty_core.ml.bundles import activate, load_bundle, write_bundle
from loyalty_core.ml.tasks import CHURN
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.ui.navigation import TRAINING
from tests.fixtures.screens import OpenScreen, texts_of
from tests.ml.fixtures import bundle_parts
from tests.warehouse.written_runs import write_run
from tests.workbench import activate_with

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.workbench import Configure, Query

MONTHS = ["Aug 2026", "Jul 2026", "Jun 2026", "May 2026", "Apr 2026", "Mar 2026"]


class Demo:
    """The demo's file as `write_run` wants it."""

    name = "duckdb"


def tables(app: AppTest) -> list[dict[str, list[Any]]]:
    return [table.value.to_dict("list") for table in app.dataframe]


@pytest.fixture
def learned(demo_settings: Configure) -> str:
    return activate_with(first="2026-03-01", validation_from="2026-06-01", test_from="2026-07-01", last="2026-07-01")


def test_past_months_are_those_of_the_replay(open_screen: OpenScreen, learned: str):
    app = open_screen(TRAINING, view="Monitoring")
    expected = replay_history(get_services().warehouse, load_bundle(get_settings().models_dir), CHURN)
    churn, offers = tables(app)
    assert churn["Month"] == MONTHS
    assert churn["Role"] == ["After the training", "Test", "Validation", *["Learned from"] * 3]
    newest = expected.months[-1].figures
    assert churn["Customers"][0] == f"{newest.rows:,}"
    assert newest.main is not None
    assert churn["AUC"][0].startswith(f"{newest.main.value:.3f} (")
    assert (churn["Churned"][0], churn["Lift"][0]) == (f"{newest.left.value:.1%}", f"{newest.lift:.2f}")
    assert len(offers["Month"]) == 6
    assert any(text.startswith("The churn model has got worse: AUC") for text in texts_of(app))
    assert any(text.startswith("The offer model holds: top-1 accuracy") for text in texts_of(app))
    assert not app.exception
    assert not app.error


def test_two_models_that_answer_yes_or_no_have_a_card_each(open_screen: OpenScreen, demo_settings: Configure):
    parts, window = bundle_parts(), {"first": "2026-05-01", "last": "2026-10-01"}
    models = {**parts.models, "uptake": parts.models["churn"]}
    measured = {name: replace(part, metrics={"auc": 0.7, "top_1": 0.3}, window=window) for name, part in models.items()}
    version = write_bundle(get_settings().models_dir, replace(parts, models=measured))
    activate(get_settings().models_dir, version, "test")
    app = open_screen(TRAINING, view="Monitoring")
    churn, _, uptake = tables(app)
    assert ("Churned" in churn, "Took an offer" in uptake) == (True, True)
    assert "**Share that took an offer, predicted and actual**" in texts_of(app)
    assert not app.error


def test_without_a_scoring_it_says_so_and_shows_past_months(open_screen: OpenScreen, learned: str):
    app = open_screen(TRAINING, view="Monitoring")
    missing = "No predictions are stored yet: score all customers to see their outcomes here later."
    assert texts_of(app).count(missing) == 2
    assert any("Pale months are those that it learned from" in text for text in texts_of(app))


def test_rows_drawn_at_random_are_said_to_flatter(open_screen: OpenScreen, demo_settings: Configure):
    activate_with(split="stratified", first="2026-03-01", last="2026-08-01")
    app = open_screen(TRAINING, view="Monitoring")
    assert set(tables(app)[0]["Role"]) == {"Learned from in part"}
    assert any("Its training drew rows at random" in text for text in texts_of(app))


def test_kept_predictions_come_first(
    open_screen: OpenScreen, demo_settings: Configure, query_demo: Query, tmp_path: Path
):
    demo_settings(predictions_file=tmp_path / "customer_predictions.parquet")
    version = activate_with(first="2026-03-01", last="2026-05-01")
    took = query_demo(
        "SELECT customer_id, churned FROM customer_churn_history WHERE snapshot_date = ?", date(2026, 6, 1)
    )
    # Every tenth is wrong: of those who left and those who stayed, about 90 % are told apart.
    said = [
        (customer, 0.9 if (churned == 1) != (place % 10 == 0) else 0.1, version)
        for place, (customer, churned) in enumerate(sorted(took))
    ]
    write_run(Demo(), get_services().warehouse, datetime(2026, 5, 20, tzinfo=UTC), said, present=True)  # pyright: ignore
    app = open_screen(TRAINING, view="Monitoring")
    churn, offers = tables(app)
    assert (churn["Month"], churn["Version"]) == (["May 2026"], [version])
    assert churn["Customers"] == [f"{len(took):,}"]
    assert 0.88 < float(churn["AUC"][0].split()[0]) < 0.92
    assert "Role" in offers
    [which] = [control for control in app.button_group if control.label == "Which predictions"]
    which.set_value("Past months, predicted now").run()
    assert tables(app)[0]["Month"] == MONTHS


def test_too_few_outcomes_are_no_chart(
    open_screen: OpenScreen, demo_settings: Configure, query_demo: Query, tmp_path: Path
):
    demo_settings(predictions_file=tmp_path / "customer_predictions.parquet")
    version = activate_with(first="2026-03-01", last="2026-08-01")
    [(customer,)] = query_demo("SELECT min(customer_id) FROM customer_churn_history WHERE snapshot_date = '2026-06-01'")
    moment = datetime(2026, 5, 20, tzinfo=UTC)
    write_run(Demo(), get_services().warehouse, moment, [(customer, 0.5, version)], present=True)  # pyright: ignore
    app = open_screen(TRAINING, view="Monitoring")
    churn, _ = tables(app)
    assert (churn["Customers"], churn["AUC"]) == (["1"], ["too few"])
    assert "Too few customers churned, or too few stayed, to tell them apart." in texts_of(app)
    assert not app.error


def test_before_the_first_training_it_says_what_to_do(open_screen: OpenScreen, demo_settings: Configure):
    app = open_screen(TRAINING, view="Monitoring")
    assert [info.value for info in app.info] == ["There is no active version yet. Train one, and activate it."]
