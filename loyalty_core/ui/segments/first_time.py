"""The segments of a new workbench."""

import streamlit as st

from loyalty_core.access import Action, may
from loyalty_core.segments import starters
from loyalty_core.services import services_of_process
from loyalty_core.ui.segments.computing import compute_all


def make_starters() -> None:
    """On the first visit of somebody who may edit segments, save those that fit the features view, and compute them."""
    if not may(Action.EDIT_SEGMENTS):
        return
    services = services_of_process()  # they are saved for everybody
    if made := starters.make_starters(services.warehouse, services.segmentation, services.segments):
        compute_all(made)
        st.toast(f"{len(made)} starter segments were created for this customer base.", icon=":material/groups:")
