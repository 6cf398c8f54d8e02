"""The bar above every analysis: whom it is about, which scoring run it reads, and whether that is out of date."""

import streamlit as st

from loyalty_core.analytics.monitoring import Freshness, check_freshness
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.ml.serving import MOCK_VERSION, RFM_ONLY_VERSION
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.first_training import draw_first_training, needs_first_training, refused
from loyalty_core.ui.scoring_notice import draw_scoring_notice
from loyalty_core.ui.text import escape

PARAMETER = "scope"
_EVERYONE = ""


def draw_scope() -> ScopedBase | None:
    """Let the viewer choose the base or a segment; None, with what to do, while nothing has been scored."""
    services = get_services()
    freshness = check_freshness(services.warehouse, services.inference)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        scope = _choose()
        _draw_run(freshness)
    if freshness.run is None and needs_first_training() and refused() is None:
        st.caption(escape(" ".join(freshness.reasons)))
        draw_first_training()
        return None
    draw_scoring_notice(freshness)
    if freshness.run is None:
        return None
    return ScopedBase(services.warehouse, services.segmentation, scope)


def _choose() -> Scope:
    segments = {segment.id: segment.name for segment in get_services().segments.list()}
    chosen = st.selectbox(
        "Customers",
        [_EVERYONE, *segments],
        format_func=lambda one: segments.get(one, "All customers"),
        key=PARAMETER,
        bind="query-params",
        width=320,
    )
    return Scope(chosen or None)


def _draw_run(freshness: Freshness) -> None:
    run = freshness.run
    if run is None:
        return
    if run.model_version == MOCK_VERSION:
        st.badge("Mock predictions", icon=":material/theater_comedy:", color="violet")
        st.caption(f"Scored {formatting.moment(run.scored_at)}")
    elif run.model_version == RFM_ONLY_VERSION:
        st.caption(f"Scored {formatting.moment(run.scored_at)}, RFM alone")
    else:
        plural = "s" if len(run.model_versions) > 1 else ""
        st.caption(escape(f"Scored {formatting.moment(run.scored_at)} by model version{plural} {run.model_version}"))
