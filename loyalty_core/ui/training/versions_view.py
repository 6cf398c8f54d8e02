"""Every version: which is active and since when, any two compared, and the way back."""

from collections.abc import Sequence
from datetime import date
from functools import partial

import pandas as pd
import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.analytics.monitoring import check_freshness
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import earlier_versions, running_challenger
from loyalty_core.ml.evaluation import read_grade
from loyalty_core.ml.tasks import TASKS, Metric, title_of
from loyalty_core.ml.versions import VersionRecord
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.scoring_notice import draw_scoring_notice
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.comparison.view import Comparison
from loyalty_core.ui.training.contract_card import draw_contract, verify_contract
from loyalty_core.ui.training.decision import ACTIVATED, draw_decision
from loyalty_core.ui.training.experiment import queries as experiment_reading
from loyalty_core.ui.training.queries import Versions, promotion

_NO_EARLIER = "No other version was active before."


def draw_active(records: Sequence[VersionRecord]) -> None:
    """The active version in a line, with the way back to the one before."""
    active = next((record for record in records if record.is_active), None)
    if active is not None and st.session_state.pop(ACTIVATED, None) == active.version:
        st.success(escape(f"Version {active.version} is active."), icon=":material/rocket_launch:")
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if active is None:
            st.badge("No active version", icon=":material/model_training:", color="gray")
            st.caption("Train the models, or activate a version.", width="stretch")
            return
        st.badge(escape(f"Active: {active.version}", in_badge=True), icon=":material/check_circle:", color="green")
        since = formatting.moment(active.activated_at) if active.activated_at else ""
        st.caption(escape(f"Since {since}, by {active.activated_by}."), width="stretch")
        _draw_tested()
        try:
            (before, *_) = earlier_versions(get_services().settings.models_dir) or [""]
        except LoyaltyError as error:
            show_error(error)
            return
        refused = refusal(Action.ACTIVATE_MODELS)
        if st.button(
            "Roll back",
            icon=":material/undo:",
            key="roll-back",
            disabled=not before or bool(refused),
            help=refused or (escape(f"To {before}, which was active before.") if before else _NO_EARLIER),
        ):
            with errors_shown():
                promotion().rollback(current_viewer().id)
                st.rerun()


def draw_others(found: Versions) -> None:
    """That there are versions of other data, which are not shown for this data."""
    if found.active_elsewhere:
        st.info(
            escape(
                f"The active version {found.active_elsewhere} was trained on other data, so it does not answer for "
                "this data. Train the models here. If it is meant for this data, set ML_TRAINED_ELSEWHERE=true."
            ),
            icon=":material/database_off:",
        )
    elif found.others:
        versions = "version was" if found.others == 1 else "versions were"
        st.caption(f"{formatting.count(found.others)} {versions} trained on other data and not shown.")


def draw_rescoring() -> None:
    """Why the stored predictions are not what the active version would predict, with the button that scores again."""
    services = get_services()
    draw_scoring_notice(check_freshness(services.warehouse, services.inference), key="score-active")


def _draw_tested() -> None:
    """Where an A/B test runs: that the active version does not answer everybody."""
    try:
        running = experiment_reading.running_test()
    except LoyaltyError:
        st.badge("A/B test damaged", icon=":material/warning:", color="orange")
        return
    if running is not None:
        shown = f"A/B test: {running.challenger}, {formatting.percent(running.share)} of the customers"
        st.badge(escape(shown, in_badge=True), icon=":material/science:", color="violet")


def draw_versions(records: Sequence[VersionRecord]) -> None:
    """A table of all versions, and any two of them compared; in mock mode no version answers."""
    if get_services().settings.ml_mock_mode:
        st.info("Mock mode: no version answers.", icon=":material/science:")
        return
    if not records:
        st.info("There are no versions yet. Train the first one.", icon=":material/model_training:")
        return
    challenger = running_challenger(get_services().settings.models_dir)
    st.dataframe(
        pd.DataFrame([_row(record, challenger) for record in records]).fillna(formatting.BLANK),
        hide_index=True,
        key="versions",
        column_config={"Active since": st.column_config.TextColumn(width="medium")},
    )
    for record in records:
        if record.refusal is not None:
            show_error(record.refusal, retry=False)
    names = {record.version: record for record in records}
    titles = _titles(records)
    left, right = st.columns(2)
    active = next((place for place, record in enumerate(records) if record.is_active), 0)
    newest = next((place for place, record in enumerate(records) if not record.is_active), 0)
    first = names[left.selectbox("Version", list(names), index=newest, format_func=titles.__getitem__, key="first")]
    second = first
    if len(names) > 1:
        chosen = right.selectbox(
            "Compared with", list(names), index=active, format_func=titles.__getitem__, key="second"
        )
        second = names[chosen]
    if first.manifest is None:
        return
    with st.container(border=True):
        compared = Comparison(first, second if second is not first else None, (_code(first), _code(second)))
        compared.draw_summary()
        keeps_contract = verify_contract(first)
        if not first.is_active:
            champion = next((record for record in records if record.is_active), None)
            draw_decision(first, champion, f"version-{_code(first)}", keeps_contract=keeps_contract)
        compared.draw_parts("compared", {"Contract": partial(draw_contract, first)})


def _row(record: VersionRecord, challenger: str | None) -> dict[str, str]:
    row = {
        "Version": record.version,
        "State": _state(record, challenger),
        "Grades": _grades(record),
        "Trained": formatting.moment(record.created_at) if record.created_at else formatting.BLANK,
        "By": record.trained_by,
        "Active since": formatting.moment(record.activated_at) if record.activated_at else "",
        "Data": _window(record),
        "Rows": " + ".join(
            formatting.count(record.models[model]["rows"].get("total", 0)) for model in TASKS if model in record.models
        ),
    }
    for model, task in TASKS.items():
        if task.is_optional and model not in record.models:
            continue
        main = task.metrics[0]
        value = record.metrics(model).get(main.key)
        row[f"{task.title}: {main.title}"] = formatting.BLANK if value is None else _measured(value, main)
    return row


def _measured(value: float, metric: Metric) -> str:
    return formatting.percent(value, 1) if metric.is_share else formatting.decimal(value, metric.digits)


def _state(record: VersionRecord, challenger: str | None) -> str:
    if record.is_active:
        return "Active"
    if record.refusal:
        return "Unusable"
    return "In A/B test" if record.version == challenger else ""


def _grades(record: VersionRecord) -> str:
    """ "Churn B, Next best offer A; leak: status" """
    graded = {name: read_grade(record.metrics(name)) for name in record.models}
    shown = ", ".join(f"{title_of(name)} {grade}" for name, grade in graded.items() if grade)
    leaks = ", ".join(record.leaks())
    return "; ".join(filter(None, [shown, f"leak: {leaks}" if leaks else ""])) or formatting.BLANK


def _window(record: VersionRecord) -> str:
    """The first and last day of all that it was trained on."""
    windows = [entry["window"] for entry in record.models.values()]
    first = min((window["first"] for window in windows if window.get("first")), default="")
    last = max((window["last"] for window in windows if window.get("last")), default="")
    return f"{_day(first)} to {_day(last)}" if first else formatting.BLANK


def _day(text: str) -> str:
    return formatting.day(date.fromisoformat(text))


def _code(record: VersionRecord) -> str:
    return record.version[-4:]


def _titles(records: Sequence[VersionRecord]) -> dict[str, str]:
    """Version → what the boxes call it."""
    return {record.version: f"{record.version}{' · active' if record.is_active else ''}" for record in records}
