"""The segments that a new workbench begins with."""

from functools import partial

import streamlit as st

from loyalty_core.segments.starters import seed_starters, starter_drafts
from loyalty_core.services import get_services
from loyalty_core.ui.segments.computing import compute_all
from loyalty_core.warehouse.distribution import quantile


def make_starters() -> None:
    """On the first visit ever, keep the segments that fit the features view, and compute them."""
    services = get_services()
    if services.segments.names():
        return
    fields = services.segmentation.fields()
    drafts = starter_drafts(fields, services.settings, partial(quantile, services.warehouse))
    if made := seed_starters(services.segments, drafts):
        compute_all(made)
        st.toast(f"{len(made)} segments to begin with were made for this customer base.", icon=":material/groups:")
