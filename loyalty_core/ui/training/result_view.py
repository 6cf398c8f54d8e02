"""The result of the last training: the challenger beside the active version, and the decision about it."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from loyalty_core.jobs import Job
from loyalty_core.ml.tasks import title_of
from loyalty_core.ml.versions import VersionRecord
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.comparison.view import Comparison
from loyalty_core.ui.training.contract_card import draw_contract, verify_contract
from loyalty_core.ui.training.decision import draw_decision
from loyalty_core.ui.training.progress_view import draw_losses


def draw_result(job: Job | None, records: list[VersionRecord]) -> None:
    """Nothing after the decision, as the challenger is then among the versions, and nothing in mock mode."""
    if job is None or job.state != "done" or job.is_dismissed or get_services().settings.ml_mock_mode:
        return
    challenger = next((record for record in records if record.version == job.result["version"]), None)
    if challenger is None or challenger.is_active:
        return
    champion = next((record for record in records if record.is_active), None)
    with st.container(border=True):
        st.subheader("Challenger", anchor=False)
        when = formatting.moment(job.ended_at or job.created_at)
        st.caption(escape(f"Version {challenger.version}, trained {when} by {challenger.trained_by}. Not active yet."))
        compared = Comparison(challenger, champion, ("Challenger", "Active"))
        compared.draw_summary()
        _draw_left_out(challenger.left_out)
        keeps_contract = verify_contract(challenger)
        draw_decision(
            challenger,
            champion,
            "challenger",
            keeps_contract=keeps_contract,
            after=partial(get_services().jobs.dismiss, job.id),
            can_keep=True,
        )
        compared.draw_parts(
            "challenger",
            {"Contract": partial(draw_contract, challenger), "Training curves": partial(draw_losses, job)},
        )


def _draw_left_out(left_out: Mapping[str, str]) -> None:
    """Which models the version lacks, and why: some of them were trained, and did not pass."""
    if not left_out:
        return
    names = ", ".join(title_of(name) for name in left_out)
    with st.expander(escape(f"Left out of this version: {names}"), icon=":material/remove_circle:"):
        for name, reason in left_out.items():
            st.markdown(f"**{escape(title_of(name))}.** {escape(reason)}")
