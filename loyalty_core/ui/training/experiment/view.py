"""The A/B test: start one, or see how the running one is doing, give it more customers, stop it, or decide."""

from collections.abc import Mapping, Sequence

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import DEFAULT_SHARE, MAX_SHARE, MIN_SHARE, Experiment
from loyalty_core.ml.versions import VersionRecord
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.fields import draw_number
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.decision import draw_confirmation, draw_leaks
from loyalty_core.ui.training.experiment import queries as experiment_reading
from loyalty_core.ui.training.experiment.arms_view import draw_arms
from loyalty_core.ui.training.experiment.outcomes_by_arm import draw_outcomes_by_arm, draw_sizes
from loyalty_core.ui.training.queries import promotion


def draw_experiment(records: Sequence[VersionRecord]) -> None:
    """The running test, or the form to start one; in mock mode no version answers anybody."""
    if get_services().settings.ml_mock_mode:
        st.info("Mock mode: no version answers, so there is no A/B test.", icon=":material/science:")
        return
    try:
        running = experiment_reading.running_test()
    except LoyaltyError as error:
        show_error(error, retry=False)
        _draw_stop()
        return
    if running is None:
        _draw_start(records)
    else:
        _draw_running(running, records)


def _draw_start(records: Sequence[VersionRecord]) -> None:
    champion = next((record for record in records if record.is_active), None)
    others = [record.version for record in records if not record.is_active and record.manifest is not None]
    if champion is None or not others:
        st.info(
            "An A/B test needs two versions: the active one, and another to answer some of the customers. "
            "Train one and keep it for later.",
            icon=":material/science:",
        )
        return
    with st.container(border=True):
        st.subheader("Test a version on some of the customers", anchor=False)
        left, right = st.columns(2)
        challenger = left.selectbox("Challenger", others, key="challenger")
        percent = right.slider(
            "Its share of the customers", _percent(MIN_SHARE), _percent(MAX_SHARE), _percent(DEFAULT_SHARE),
            format=formatting.percent_format(), key="share",
        )  # fmt: skip
        share = percent / 100
        st.markdown(escape(_what_happens(champion.version, challenger, share)))
        draw_sizes(share)
        leaks = draw_leaks(next(one for one in records if one.version == challenger), champion, f"test-{challenger}")
        refused = refusal(Action.ACTIVATE_MODELS)
        if st.button(
            "Start A/B test",
            type="primary",
            icon=":material/science:",
            key="start-test",
            disabled=bool(refused) or leaks is None,
            help=refused,
        ):
            with errors_shown(), st.spinner("Opening both versions…"):
                promotion().start_test(challenger, share, current_viewer().id, leaks or ())
                st.rerun()


def _what_happens(champion: str, challenger: str, share: float) -> str:
    customers = cached_reads.key_figures().customers
    return (
        f"About {formatting.count(round(share * customers))} of {formatting.count(customers)} customers are answered "
        f"by {challenger}, all others by {champion}: on every screen, through the API, and in the next scoring. Which "
        "version that is depends on the customer's id alone, so everybody keeps the same one until the test ends."
    )


def _draw_running(running: Experiment, records: Sequence[VersionRecord]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge("A/B test running", icon=":material/science:", color="violet")
        st.caption(
            escape(
                f"{running.challenger} answers {formatting.percent(running.share)} of the customers beside "
                f"{running.champion}. Since {formatting.moment(running.start)}, by {running.started_by}."
            ),
            width="stretch",
        )
    with errors_shown():
        draw_arms(running)
    with errors_shown():
        draw_outcomes_by_arm(running)
    _draw_decision(running, {record.version: record for record in records})


def _draw_decision(running: Experiment, records: Mapping[str, VersionRecord]) -> None:
    with st.container(border=True):
        st.subheader("Decide", anchor=False)
        if refused := refusal(Action.ACTIVATE_MODELS):
            st.caption(refused)
            return
        _draw_growing(running)
        challenger, champion = records[running.challenger], records[running.champion]
        leaks = draw_leaks(challenger, champion, "challenger-in-test")
        confirmed = draw_confirmation(challenger, champion, "challenger-in-test") and leaks is not None
        with st.container(horizontal=True):
            if st.button(
                "Activate the challenger", type="primary", icon=":material/rocket_launch:", key="activate-challenger",
                disabled=not confirmed, help="It answers everybody within 5 seconds, and the test ends.",
            ):  # fmt: skip
                with errors_shown():
                    promotion().activate(
                        running.challenger, current_viewer().id, even_if_worse=True, accepted_leaks=leaks or ()
                    )
                    st.rerun()
            _draw_stop()


def _draw_growing(running: Experiment) -> None:
    present, most = _percent(running.share), _percent(MAX_SHARE)
    if present >= most:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        percent = draw_number(
            "Larger share for the challenger (%)", min(2 * present, most), lowest=present + 1, highest=most, whole=True,
            key="larger-share", width=260,
            help="Customers who have it keep it; others are added.",
        )  # fmt: skip
        is_asked = st.button("Give it more customers", icon=":material/trending_up:", key="grow-test")
        if is_asked and percent is not None:
            with errors_shown():
                promotion().grow_test(percent / 100, current_viewer().id)
                st.rerun()


def _draw_stop() -> None:
    if st.button(
        "Stop the test", icon=":material/stop_circle:", key="stop-test",
        help="The active version answers everybody again within 5 seconds. No version is deleted.",
    ):  # fmt: skip
        with errors_shown():
            promotion().stop_test(current_viewer().id)
            st.rerun()


def _percent(share: float) -> int:
    return round(100 * share)
