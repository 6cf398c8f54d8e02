"""The segments of a new workbench."""

import streamlit as st

from loyalty_core.segments import starters
from loyalty_core.services import services_of_process
from loyalty_core.ui.segments.computing import compute_all


def make_starters() -> None:
    """On the very first visit, save the segments that fit the features view, and compute them."""
    services = services_of_process()  # they are saved for everybody, whoever comes first
    if made := starters.make_starters(services.warehouse, services.segmentation, services.segments):
        compute_all(made)
        st.toast(f"{len(made)} starter segments were created for this customer base.", icon=":material/groups:")
