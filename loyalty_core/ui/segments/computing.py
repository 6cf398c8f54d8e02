"""Recompute segments while the viewer waits; a failure is recorded with the segment and shown there."""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.segments import Segment
from loyalty_core.segments.refreshing import refresh_all
from loyalty_core.segments.segment import SizeCause
from loyalty_core.services import get_services
from loyalty_core.ui.messages import escape


def compute_one(segment_id: str, cause: SizeCause) -> None:
    """Compute the members of one segment."""
    with st.spinner("Computing the members …"), suppress(LoyaltyError):
        get_services().segmentation.refresh(segment_id, cause=cause)


def compute_all(segments: Sequence[Segment]) -> None:
    """Compute the members of each segment, with progress."""
    bar = st.progress(0.0, "Computing segments …")

    def show(done: int, segment: Segment) -> None:
        bar.progress(done / len(segments), f"Computing {escape(segment.name)} …")

    refresh_all(get_services().segmentation, segments, cause="on demand", on_progress=show)
    bar.empty()
