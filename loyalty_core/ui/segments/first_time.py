"""The segments of a new workbench."""

import streamlit as st

from loyalty_core.access import Action, current_viewer, may
from loyalty_core.segments import starters
from loyalty_core.services import Services, services_of_process
from loyalty_core.ui.segments.computing import compute_all

AT_ONCE_CUSTOMERS = 200_000
"""Up to so many customers, computing the first segments takes seconds."""


def make_starters() -> None:
    """On the first visit of somebody who may edit segments, save those that fit the features view, and compute them.

    Those of a large base are computed by a job, whose progress the list shows, so that nobody waits for them.
    """
    if not may(Action.EDIT_SEGMENTS):
        return
    services = services_of_process()  # they are saved for everybody
    made = starters.make_starters(services.warehouse, services.segmentation, services.segments)
    if not made:
        return
    said = f"{len(made)} starter segments were created for this customer base."
    if _is_large(services) and may(Action.SCORE):
        services.jobs.start("segments", {"ids": [segment.id for segment in made]}, current_viewer().id)
        said += " Their members are being computed."
    else:
        compute_all(made)
    st.toast(said, icon=":material/groups:")


def _is_large(services: Services) -> bool:
    customers = services.warehouse.catalog().customers
    return customers is None or customers > AT_ONCE_CUSTOMERS
