"""Whether the active models are still good: when to retrain and why, alarms, drift, and outcomes."""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from loyalty_core.analytics.monitoring import Degradation, Monitoring, Retraining
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks import TASKS
from loyalty_core.ml.versions import VersionRecord
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.monitoring import queries as monitoring_reading
from loyalty_core.ui.training.monitoring.drift_view import draw_drift
from loyalty_core.ui.training.monitoring.score_drift_view import draw_score_drift
from loyalty_core.ui.training.outcomes import queries as outcomes_reading
from loyalty_core.ui.training.outcomes.view import draw_outcomes


def draw_monitoring(records: Sequence[VersionRecord]) -> None:
    """Everything about the active version; each part is shown also where another one fails.

    In mock mode the scores alone: a formula has no training to compare with, and the version does not answer.
    """
    if get_services().settings.ml_mock_mode:
        st.info("Mock mode: the scores are a formula's. Turn it off to watch a model.", icon=":material/science:")
        with errors_shown():
            draw_score_drift(monitoring_reading.scored_runs())
        return
    active = next((record for record in records if record.is_active), None)
    if active is None:
        st.info("There is no active version yet. Train one, and activate it.", icon=":material/model_training:")
        return
    if active.refusal is not None:
        show_error(active.refusal)
        return
    with errors_shown():
        with st.spinner("Comparing with the training…"):
            found = monitoring_reading.monitoring(active.version)
        _draw_retraining(found.retraining(*_degradations(active)))
        _draw_alarms(found)
        draw_drift(found)
    with errors_shown():
        draw_score_drift(monitoring_reading.scored_runs())
    draw_outcomes(active)


def _degradations(active: VersionRecord) -> list[Degradation]:
    """Of the models that have got worse; where that cannot be read, the card of the outcomes says why."""
    found: list[Degradation] = []
    for model in TASKS:
        with suppress(LoyaltyError):
            verdict = outcomes_reading.verdict(model, active)
            if verdict.is_worse:
                found.append(Degradation(verdict.clause))
    return found


def _draw_retraining(retraining: Retraining) -> None:
    sentence = f"**{escape(retraining.sentence)}**"
    match retraining.when:
        case "fix first":
            st.error(sentence, icon=":material/build:")
        case "now":
            st.warning(sentence, icon=":material/notification_important:")
        case "soon":
            st.info(sentence, icon=":material/schedule:")
        case "not yet":
            st.success(sentence, icon=":material/check_circle:")
    if retraining.others:
        st.caption(escape(f"Also: {'; '.join(reason.clause for reason in retraining.others)}."))


def _draw_alarms(found: Monitoring) -> None:
    if found.is_mock:
        st.info(
            "The last scoring was made in mock mode: the remarks on its scores are about a formula, not a model.",
            icon=":material/science:",
        )
    if found.alarms:
        lines = (f"- **{escape(alarm.sentence)}** {escape(alarm.remedy)}" for alarm in found.alarms)
        st.error("\n".join(lines), icon=":material/e911_emergency:")
    else:
        st.caption(f":material/verified: {escape(_all_clear(found))}")


def _all_clear(found: Monitoring) -> str:
    inputs = "Every input of the models varies between customers."
    if found.run is None:
        return f"{inputs} Nobody has been scored yet, so there are no scores to look at."
    when = formatting.moment(found.run.scored_at)
    return f"No alarm: the scoring of {when} tells customers apart, and no offer goes to nearly everybody. {inputs}"
