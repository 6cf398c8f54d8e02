"""Retraining from the browser: check the data, train, compare with the active version, and decide.

Running jobs are recorded in the state store, so closing the tab loses nothing.
"""

import streamlit as st

from loyalty_core.access import current_viewer
from loyalty_core.ml.versions import VersionRecord
from loyalty_core.services import get_services
from loyalty_core.ui.first_training import TRAIN_AND_SCORE
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.training import queries as reading
from loyalty_core.ui.training.experiment.view import draw_experiment
from loyalty_core.ui.training.monitoring.view import draw_monitoring
from loyalty_core.ui.training.options_form import draw_models, draw_options, draw_use
from loyalty_core.ui.training.progress_view import draw_progress
from loyalty_core.ui.training.readiness_view import draw_readiness
from loyalty_core.ui.training.result_view import draw_result
from loyalty_core.ui.training.versions_view import draw_active, draw_others, draw_rescoring, draw_versions

TRAIN, VERSIONS, MONITORING, EXPERIMENT = "Train", "Versions", "Monitoring", "A/B test"


def draw_training(records: list[VersionRecord]) -> None:
    models = draw_models()
    # The options are drawn below the readiness that depends on them.
    place = st.container()
    choice = draw_options(models)
    with place:
        ready = draw_readiness(models, choice.since, choice.until)
    uses = draw_use()
    given = choice.options | {"models": list(ready), "trained_by": current_viewer().id}
    draw_job(
        "training",
        start_label=TRAIN_AND_SCORE if uses else "Train",
        options=given | ({"activate_and_score": True} if uses else {}),
        key="train",
        disabled=not (ready and choice.is_valid),
        draw_more=draw_progress,
    )
    draw_result(get_services().jobs.latest("training"), records)


page_title("Training", "Retrain the models, compare them with those in use, activate the better ones.")
is_mock = get_services().settings.ml_mock_mode
found = reading.Versions([]) if is_mock else reading.versions()
versions = found.own
if is_mock:
    st.info(
        "Mock mode: every prediction is made up by a formula, and no model version answers. Versions and their figures "
        "are shown when it is off (ML_MOCK_MODE).",
        icon=":material/science:",
    )
else:
    draw_active(versions)
    draw_others(found)
if any(record.is_active for record in versions):
    with errors_shown():
        draw_rescoring()
tabs = st.tabs([TRAIN, VERSIONS, MONITORING, EXPERIMENT], key="view", bind="query-params")
train, all_versions, monitoring, experiment = tabs
if train.open:
    with train, errors_shown():
        draw_training(versions)
if all_versions.open:
    with all_versions, errors_shown():
        draw_versions(versions)
if monitoring.open:
    with monitoring, errors_shown():
        draw_monitoring(versions)
if experiment.open:
    with experiment, errors_shown():
        draw_experiment(versions)
