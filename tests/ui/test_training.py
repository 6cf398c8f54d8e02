"""The Training screen without a browser: readiness, options, the challenger, decisions, and all versions."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.jobs import Job, JobEvent, JobQueue
from loyalty_core.ml.bundles import activate, list_versions, read_active, version_folder, write_bundle
from loyalty_core.ml.evaluation import Difference
from loyalty_core.ml.versions import SameRows, Shift, VersionComparison
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.ui.navigation import TRAINING
from loyalty_core.ui.text import escape
from tests.fixtures.screens import OpenScreen, plain, texts_of
from tests.ml.fixtures import other_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlit.testing.v1 import AppTest

    from tests.workbench import Configure, Query


def challenger(auc: float, interval: list[float] | None = None, left_out: Mapping[str, str] | None = None) -> str:
    """A version of other models with this AUC and its interval, not active."""
    parts = other_parts()
    metrics = {
        "auc": auc,
        "intervals": {"auc": interval},
        "grade": "B",
        "added": {"value": 0.02},
        "sentence": "Finds some.",
    }
    churn = replace(parts.models["churn"], metrics={key: value for key, value in metrics.items() if value})
    parts = replace(parts, models=parts.models | {"churn": churn}, left_out=left_out or {})
    return write_bundle(get_settings().models_dir, parts)


@pytest.fixture
def finished(trained: str, monkeypatch: pytest.MonkeyPatch) -> Finished:
    return Finished(monkeypatch)


class Finished:
    """The latest job is a training that made this version; whether it was dismissed is stored."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.is_dismissed = False

    def under_way(self, epochs: list[dict[str, Any]]) -> None:
        """The job still runs, and has reported these epochs."""
        self.with_version("")
        done = get_services().jobs.latest("training")
        running = replace(done, state="running", ended_at=None, phase="Churn: training", log_tail="Epoch two.")
        events = [JobEvent(number, done.created_at, epoch) for number, epoch in enumerate(epochs, 1)]
        self._monkeypatch.setattr(JobQueue, "latest", lambda *_: running)
        self._monkeypatch.setattr(JobQueue, "events", lambda *_: events)

    def with_version(self, version: str) -> None:
        made = read_active(get_settings().models_dir)
        moment = datetime.fromisoformat(made.activated_at)
        job = Job(
            id=1, kind="training", options={}, state="done", phase="", done=0, total=None, message="Done.",
            started_by="ann", created_at=moment, started_at=moment, ended_at=moment, seconds=3.0, is_stopping=False,
            is_dismissed=False, error=None, log_tail="", log_file=None, result={"version": version},
        )  # fmt: skip
        self._monkeypatch.setattr(JobQueue, "latest", lambda *_: replace(job, is_dismissed=self.is_dismissed))
        self._monkeypatch.setattr(JobQueue, "dismiss", lambda *_: setattr(self, "is_dismissed", True))


def active() -> str:
    return read_active(get_settings().models_dir).version


def headings(app: AppTest) -> list[str]:
    return [heading.value for heading in app.subheader]


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def text_of(app: AppTest) -> str:
    return " ".join(texts_of(app))


def test_readiness_is_shown_before_anything_else(trained: str, open_screen: OpenScreen, query_demo: Query):
    app = open_screen(TRAINING)
    assert {"Churn", "Next best offer"} <= set(headings(app))
    expected = [
        query_demo(f"SELECT count(*), count(DISTINCT customer_id) FROM {table} WHERE {label} IS NOT NULL")[0]
        for table, label in (
            ("customer_churn_history", "churned"), ("customer_offer_history", "converted_offer_id"),
        )
    ]  # fmt: skip
    assert [metric.value for metric in app.metric][:4] == [f"{figure:,}" for pair in expected for figure in pair]
    assert text_of(app).count(":green-badge[:material/check_circle: Ready]") >= 2
    [(first, last)] = query_demo("SELECT min(snapshot_date), max(snapshot_date) FROM customer_churn_history")
    assert f"customer_churn_history · {first:%-d %b %Y} to {last:%-d %b %Y} · no blanks" in text_of(app)
    assert not app.button(key="train-start").disabled


def test_the_start_date_moves_the_figures(trained: str, open_screen: OpenScreen, query_demo: Query):
    app = open_screen(TRAINING)
    app.date_input(key="since").set_value(date(2026, 6, 1)).run()
    [(rows,)] = query_demo("SELECT count(*) FROM customer_churn_history WHERE snapshot_date >= '2026-06-01'")
    assert app.metric[0].value == f"{rows:,}"


def test_a_history_that_cannot_train_closes_the_button(trained: str, open_screen: OpenScreen):
    app = open_screen(TRAINING)
    app.date_input(key="since").set_value(date(2030, 1, 1)).run()
    assert "There are no rows with a label." in app.error[0].value.replace("\\", "")
    assert "Load the history" in app.error[0].value
    assert app.button(key="train-start").disabled


def test_without_a_history_the_card_says_so(trained: str, demo_settings: Configure, open_screen: OpenScreen):
    demo_settings(dwh_churn_training_query="SELECT 1 AS one")
    app = open_screen(TRAINING)
    assert {"Churn", "Next best offer"} <= set(headings(app))
    assert len(app.error) == 1
    assert "Churn cannot be trained, and will be left out." in [caption.value for caption in app.caption]
    assert not app.button(key="train-start").disabled
    app.segmented_control(key="models").set_value("Churn").run()
    assert app.button(key="train-start").disabled


def test_the_button_starts_a_training_with_the_options(
    trained: str, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
):
    started: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(JobQueue, "start", lambda _self, kind, options, _actor: started.append((kind, dict(options))))
    app = open_screen(TRAINING)
    app.text_input(key="epochs").set_value("2")
    app.text_input(key="layers").set_value("8, 4")
    app.date_input(key="since").set_value(date(2026, 5, 1))
    app.date_input(key="until").set_value(date(2026, 7, 31)).run()
    app.button(key="train-start").click().run()
    [(kind, options)] = started
    assert options.pop("trained_by")
    assert options.pop("models")[:2] == ["churn", "nbo"]
    days = {"since": "2026-05-01", "until": "2026-07-31"}
    assert (kind, options) == ("training", {**days, "epochs": 2, "architecture": [8, 4]})
    app.checkbox(key="use").check().run()
    app.button(key="train-start").click().run()
    assert started[-1][1]["activate_and_score"]


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("epochs", "abc", "“abc” is not a number. Write it like 1,234."),
        ("epochs", "10,90", "“10,90” is not a number. Write it like 1,234."),
        ("epochs", "1.5", "Enter a whole number."),
        ("epochs", "0", "Enter 1 or more."),
        ("seed", "-5", "Enter 0 or more."),
    ],
)
def test_options_that_are_no_numbers_are_refused_in_place(
    trained: str, open_screen: OpenScreen, key: str, text: str, reason: str
):
    app = open_screen(TRAINING)
    app.text_input(key=key).set_value(text).run()
    assert app.text_input(key=key).value == text
    assert f":red[{escape(reason)}]" in [caption.value for caption in app.caption]
    assert app.button(key="train-start").disabled
    app.text_input(key=key).set_value("7").run()
    assert not app.button(key="train-start").disabled


@pytest.mark.parametrize("layers", ["many", "0", "8, -1"])
def test_layers_that_cannot_be_are_refused(trained: str, open_screen: OpenScreen, layers: str):
    app = open_screen(TRAINING)
    app.text_input(key="layers").set_value(layers).run()
    assert len(app.error) == 1
    assert app.button(key="train-start").disabled


def test_a_training_under_way_shows_its_losses_and_its_log(finished: Finished, trained: str, open_screen: OpenScreen):
    losses = [(0.5, 0.6), (0.4, None)]
    finished.under_way(
        [
            {"model": "churn", "epoch": place, "epochs": 9, "training_loss": training, "validation_loss": validation}
            for place, (training, validation) in enumerate(losses, 1)
        ]
    )
    app = open_screen(TRAINING)
    (chart,) = [one for one in app.get("plotly_chart") if "loss over" in one.proto.alt]
    assert chart.proto.alt == "Churn: training and validation loss over 2 epochs."
    training, validation = json.loads(chart.proto.spec)["data"]
    assert (training["x"], training["y"], validation["y"]) == ([1, 2], [0.5, 0.4], [0.6, None])
    assert app.code[0].value == "Epoch two."
    assert "Cancel" in labels(app)
    assert "Train" not in labels(app)


def test_a_better_challenger_is_activated_and_rolled_back(finished: Finished, trained: str, open_screen: OpenScreen):
    version = challenger(0.85)
    finished.with_version(version)
    app = open_screen(TRAINING)
    assert [*headings(app)[:2], headings(app)[-1]] == ["Churn", "Next best offer", "Challenger"]
    table = app.dataframe[0].value
    shown = table.loc[0, ["Measure", "Challenger", "Active", "Difference"]]
    assert shown.tolist() == ["AUC", "0.850", "0.810", "≈ no clear difference"]
    assert table.loc[1, "Challenger"] == "—"
    assert "Grade B. Finds some." in text_of(app)
    assert "Contract met" in text_of(app)
    app.session_state["challenger-parts"] = "Contract"
    app.run()
    digest = get_services().inference.models().manifest["scaler"]["sha256"]
    assert f"{digest}  scaler.pkl" in app.code[0].value
    app.button(key="challenger-activate").click().run()
    assert active() == version
    assert {"Churn", "Next best offer"} <= set(headings(app))
    assert f"Active: {version}" in text_of(app)
    assert app.success[0].value == f"Version {version} is active."
    assert "not active yet" not in text_of(app)
    assert "Score now" in labels(app)
    assert get_services().inference.models().version == version
    app.button(key="roll-back").click().run()
    assert active() == trained
    assert get_services().inference.models().version == trained
    assert "Challenger" not in headings(app)  # it was decided about


def test_models_that_a_version_lacks_are_named_with_the_reason(
    finished: Finished, trained: str, open_screen: OpenScreen
):
    useless = "Adds nothing over ranking by revenue alone. Collect more history."
    finished.with_version(challenger(0.85, left_out={"churn_timing": useless}))
    app = open_screen(TRAINING)
    assert "Left out of this version: Time of churn" in [plain(expander.label) for expander in app.expander]
    assert f"**Time of churn.** {useless}" in plain(text_of(app))


def test_a_worse_challenger_must_be_confirmed(finished: Finished, trained: str, open_screen: OpenScreen):
    version = challenger(0.7)
    finished.with_version(version)
    app = open_screen(TRAINING)
    assert (
        app.warning[0].value.replace("\\", "")
        == "Lower than the active version, by so little that it may be chance: AUC of Churn."
    )
    assert app.button(key="challenger-activate").disabled
    app.text_input(key="challenger-confirm").set_value("yes").run()
    assert app.button(key="challenger-activate").disabled
    app.text_input(key="challenger-confirm").set_value(version[-4:]).run()
    app.button(key="challenger-activate").click().run()
    assert active() == version


def compared(version: str, against: str, difference: Difference) -> None:
    """Keep what a comparison found: churn on 400 rows, and 300 customers of whom 30 change."""
    found = VersionComparison(
        version=version,
        against=against,
        compared_at=datetime(2026, 11, 25, 12, 0, tzinfo=UTC),
        same_rows={
            "churn": SameRows(
                rows=400,
                first=date(2026, 8, 1),
                last=date(2026, 8, 1),
                version={"auc": 0.8 + difference.value, "intervals": {"auc": [0.75, 0.87]}},
                against={"auc": 0.8, "intervals": {"auc": [0.74, 0.86]}},
                differences={"auc": difference},
                flattered=("against",),
            )
        },
        shifts=(
            Shift(
                None, "All customers", 300, [[200, 15, 0], [5, 50, 0], [0, 0, 30]], [[290, 10], [0, 0]], (90.2, 95.0)
            ),
            Shift("vip", "VIP", 40, [[20, 0, 0], [0, 20, 0], [0, 0, 0]], [[40, 0], [0, 0]], (9.0, 9.4)),
        ),
        offers=(1, 2),
        remarks=("Segments whose rules cannot be used at the moment are left out: Old.",),
    )
    get_services().comparisons.save(found)


def test_why_it_is_not_activated_by_itself_and_a_leak_to_confirm(
    finished: Finished, trained: str, open_screen: OpenScreen
):
    parts = other_parts()
    findings = [
        {"severity": "confirm", "sentence": "'status' tells it.", "remedy": "Leave it out.", "feature": "status"},
        {"severity": "hold", "sentence": "The newest labels are not final.", "remedy": "Wait.", "feature": ""},
        {"severity": "warning", "sentence": "12 rows are copies.", "remedy": "Look for a join.", "feature": ""},
    ]
    metrics = {"auc": 0.99, "grade": "D", "added": {}, "sentence": "Adds nothing over ranking by status alone."}
    rows = {"classes_by_part": {"train": {"0": 80, "1": 20}, "test": {"0": 60, "1": 40}}}
    churn = replace(parts.models["churn"], findings=findings, metrics=metrics, rows=rows)
    version = write_bundle(get_settings().models_dir, replace(parts, models=parts.models | {"churn": churn}))
    finished.with_version(version)
    app = open_screen(TRAINING)
    alerts = [one.value for one in (*app.warning, *app.error)]
    shown = " ".join([text_of(app), *alerts]).replace("\\", "")
    for said in (
        "Churn: The newest labels are not final. It is not activated automatically; you may activate it here.",
        "Churn: It adds nothing over the best simple rule.",
        "'status' tells it.",
        "Churn: 12 rows are copies.",
        "Of the rows learned from, 20.0% churned; of those tested, 40.0%.",
    ):
        assert said in shown
    assert app.button(key="challenger-activate").disabled
    app.text_input(key="challenger-leak-status").set_value("state").run()
    assert app.button(key="challenger-activate").disabled
    app.text_input(key="challenger-leak-status").set_value("status").run()
    app.button(key="challenger-activate").click().run()
    assert active() == version


def test_a_challenger_is_judged_on_the_same_rows(finished: Finished, trained: str, open_screen: OpenScreen):
    """Its own training says better; on the rows of both it is worse, though perhaps by chance."""
    version = challenger(0.9)
    compared(version, trained, Difference(-0.01, -0.03, 0.002))
    finished.with_version(version)
    app = open_screen(TRAINING)
    text = text_of(app)
    assert "No clear difference" in text
    assert (
        "AUC: 0.790 Challenger, 0.800 Active, on the same 400 rows of 1 Aug 2026. "
        "Difference −0.0100 (−0.0300 to +0.0020)."
    ) in text
    assert "Of 300 customers, 20 (6.7%) get a different churn risk and 10 (3.3%) get a different best offer." in text
    assert "Active may have learned from some of these rows, which favours it." in text
    assert app.warning[0].value.replace("\\", "") == (
        "Lower than the active version, by so little that it may be chance: AUC of Churn."
    )
    table = app.dataframe[0].value
    assert table.loc[0, "Challenger"] == "0.790 (0.750 – 0.870)"
    assert table.loc[0, "Difference"] == "≈ −0.0100 (−0.0300 to +0.0020)"
    app.session_state["challenger-parts"] = "Your customers"
    app.run()
    shifts = app.dataframe[0].value
    assert shifts["Segment"].tolist() == ["All customers", "VIP"]
    assert shifts.loc[0, ["Customers", "Higher", "Lower"]].tolist() == [300, 15, 5]
    assert shifts["Different risk"].tolist() == pytest.approx([20 / 300, 0], abs=0.0005)
    assert shifts["Different offer"].tolist() == pytest.approx([10 / 300, 0], abs=0.0005)
    assert shifts["Expected to leave: Active → Challenger"].tolist() == ["90 → 95", "9 → 9"]
    assert "are left out: Old." in text_of(app)
    assert app.button(key="challenger-compare-start").label == "Compare again"


def test_better_beyond_chance_needs_no_confirmation(finished: Finished, trained: str, open_screen: OpenScreen):
    version = challenger(0.7)
    compared(version, trained, Difference(0.02, 0.01, 0.03))
    finished.with_version(version)
    app = open_screen(TRAINING)
    assert "Better" in text_of(app)
    assert not app.warning
    assert not app.button(key="challenger-activate").disabled


def test_two_versions_that_were_not_compared_yet(trained: str, open_screen: OpenScreen):
    challenger(0.9)
    app = open_screen(TRAINING, view="Versions")
    app.session_state["compared-parts"] = "Your customers"
    app.run()
    assert "These two have not been compared yet" in text_of(app)
    assert app.button(key="compared-compare-start").label == "Compare"


def test_one_that_breaks_its_contract_cannot_be_activated(finished: Finished, trained: str, open_screen: OpenScreen):
    version = challenger(0.9)
    (version_folder(get_settings().models_dir, version) / "nbo.tflite").write_bytes(b"damaged")
    finished.with_version(version)
    app = open_screen(TRAINING)
    assert "Contract broken" in text_of(app)
    assert "was changed after it was written" in app.error[0].value
    assert app.button(key="challenger-activate").disabled
    assert active() == trained


@pytest.mark.parametrize("decision", ["keep", "discard"])
def test_a_challenger_is_kept_or_discarded(finished: Finished, trained: str, open_screen: OpenScreen, decision: str):
    version = challenger(0.85)
    finished.with_version(version)
    app = open_screen(TRAINING)
    app.button(key=f"challenger-{decision}").click().run()
    assert "Challenger" not in headings(app)
    assert list_versions(get_settings().models_dir) == ([version, trained] if decision == "keep" else [trained])
    assert active() == trained


def test_all_versions_and_any_two_of_them(trained: str, open_screen: OpenScreen):
    first, second = challenger(0.7, [0.65, 0.75]), challenger(0.9, [0.85, 0.95])
    app = open_screen(TRAINING, view="Versions")
    table = app.dataframe[0].value
    assert table["Version"].tolist() == [second, first, trained]
    assert table["State"].tolist() == ["", "", "Active"]
    assert table["Churn: AUC"].tolist() == ["0.900", "0.700", "0.810"]
    assert table["By"].tolist() == ["test"] * 3
    assert app.dataframe[1].value.loc[0, [second[-4:], trained[-4:], "Difference"]].tolist() == [
        "0.900 (0.850 – 0.950)",
        "0.810",
        "≈ no clear difference",
    ]
    app.selectbox(key="first").set_value(first)
    app.selectbox(key="second").set_value(second).run()
    compared = app.dataframe[1].value.loc[0, [first[-4:], second[-4:], "Difference"]]
    assert compared.tolist() == ["0.700 (0.650 – 0.750)", "0.900 (0.850 – 0.950)", "▼ worse"]
    app.button(key=f"version-{first[-4:]}-discard").click().run()
    assert list_versions(get_settings().models_dir) == [second, trained]
    assert "Discard" in labels(app)
    app.selectbox(key="first").set_value(trained).run()
    assert "Discard" not in labels(app)


def test_before_the_first_training(demo_settings: Configure, open_screen: OpenScreen):
    app = open_screen(TRAINING)
    assert "No active version" in text_of(app)
    assert not app.button(key="train-start").disabled
    app = open_screen(TRAINING, view="Versions")
    assert app.info[0].value == "There are no versions yet. Train the first one."


def test_a_damaged_version_is_listed_with_the_reason(trained: str, open_screen: OpenScreen):
    version = challenger(0.9)
    (version_folder(get_settings().models_dir, version) / "manifest.json").write_bytes(b"{}")
    app = open_screen(TRAINING, view="Versions")
    assert app.dataframe[0].value["State"].tolist() == ["Unusable", "Active"]
    assert re.search(rf"manifest.*{version}", app.error[0].value.replace("\\", ""))


def test_an_earlier_version_that_is_gone_is_not_offered(trained: str, open_screen: OpenScreen):
    app = open_screen(TRAINING)
    assert app.button(key="roll-back").disabled
    second = challenger(0.9)
    activate(get_settings().models_dir, second, "test")
    assert not open_screen(TRAINING).button(key="roll-back").disabled


def test_mock_mode_says_that_no_version_answers(trained: str, demo_settings: Configure, open_screen: OpenScreen):
    demo_settings(ml_mock_mode=True)
    for view in ("Train", "Versions", "Monitoring", "A/B test"):
        app = open_screen(TRAINING, view=view)
        assert app.info[0].value.startswith("Mock mode: every prediction is made up by a formula, and no model version")
        assert trained not in " ".join([*texts_of(app), *(table.value.to_string() for table in app.dataframe)])
