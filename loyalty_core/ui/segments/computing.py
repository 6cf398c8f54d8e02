"""Members computed at once, because a viewer waits for them; a failure is recorded with the segment and shown there."""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.limits import TooBusy
from loyalty_core.segments import Segment
from loyalty_core.segments.segment import SizeCause
from loyalty_core.services import get_services
from loyalty_core.ui.messages import toast_error
from loyalty_core.ui.text import escape
from loyalty_core.ui.work_slots import evaluation_slot


def compute_one(segment_id: str, cause: SizeCause) -> None:
    """Compute the members of one segment."""
    with st.spinner("Computing the members …"):
        _compute(segment_id, cause)


def compute_all(segments: Sequence[Segment]) -> None:
    """Compute the members of each segment, with progress."""
    bar = st.progress(0.0, "Computing segments …")
    for done, segment in enumerate(segments):
        bar.progress(done / len(segments), f"Computing {escape(segment.name)} …")
        _compute(segment.id, "on demand")
    bar.empty()


def _compute(segment_id: str, cause: SizeCause) -> None:
    try:
        with evaluation_slot(ends_with_page=False), suppress(LoyaltyError):
            get_services().segmentation.refresh(segment_id, cause=cause)
    except TooBusy as error:
        toast_error(error, before="The members were not computed.", icon=":material/hourglass_top:")
