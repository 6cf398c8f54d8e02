"""The demo's live stream: made-up events, so that something happens while people look."""

import streamlit as st

from loyalty_core.access import Action, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.events.simulation import SIMULATION
from loyalty_core.services import services_of_process
from loyalty_core.ui import cached_reads
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.rights import refusal


def draw_simulation() -> None:
    """A button that plays simulated events, on the demo data alone."""
    if not cached_reads.source().is_demo:
        return
    refused = refusal(Action.SEND_EVENTS)
    if SIMULATION.is_playing:
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Stop", icon=":material/stop:", key="simulation-stop", disabled=bool(refused), help=refused):
                require(Action.SEND_EVENTS)
                SIMULATION.stop()
                st.rerun()
            st.caption(
                "Simulated events are playing. Only simulated campaigns answer them; nothing is sent to anybody."
            )
        return
    if st.button(
        "Play simulated events",
        icon=":material/play_arrow:",
        key="simulation-play",
        disabled=bool(refused),
        help=refused or "Customers of the demo buy, stay away and answer messages for ten minutes.",
    ):
        require(Action.SEND_EVENTS)
        try:
            SIMULATION.play(services_of_process())
        except LoyaltyError as error:
            show_error(error, retry=False)
            return
        st.rerun()
