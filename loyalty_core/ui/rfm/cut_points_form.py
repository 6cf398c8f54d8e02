"""Own cut points: four ascending numbers for a measure, in the unit of its column."""

import streamlit as st

from loyalty_core.rfm import RfmCutPoints
from loyalty_core.services import get_services
from loyalty_core.settings import RfmMeasure
from loyalty_core.ui import formatting as format
from loyalty_core.ui.messages import escape
from loyalty_core.ui.rfm.cells_state import MapDraft
from loyalty_core.ui.rfm.queries import Reader
from loyalty_core.ui.rfm.score_ranges import MEASURES


def draw_cut_points_form(draft: MapDraft, reader: Reader) -> None:
    """A row by measure, switched on where the numbers are the map's own."""
    st.subheader("Cut points", anchor=False)
    st.caption(escape(_explained()))
    points = reader.cut_points_without_map()
    for measure in MEASURES:
        _draw_row(draft, measure, points)


def _explained() -> str:
    text = (
        "A score is 1 plus the number of cut points that a value is above; recency counts backwards. Without numbers "
        "of your own they are quintiles of the base."
    )
    given = sorted(get_services().settings.rfm_cut_points)
    if not given:
        return text
    return f"{text} RFM_CUT_POINTS sets those of {' and '.join(given)}; numbers that are saved here win over it."


def _draw_row(draft: MapDraft, measure: RfmMeasure, points: RfmCutPoints) -> None:
    units: dict[RfmMeasure, str] = {
        "recency": "days since the last purchase",
        "frequency": "purchases",
        "monetary": f"spend in {format.currency_symbol()}",
    }
    shown = draft.start.cut_points.get(measure) or getattr(points, measure)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        own = st.toggle(
            f"Own {measure} ({units[measure]})",
            value=measure in draft.start.cut_points,
            key=f"rfm-own-{measure}-{draft.generation}",
            width=330,
        )
        numbers = [
            st.number_input(
                f"{measure.capitalize()} {place}",
                value=round(float(number), 2),
                step=1.0,
                format="%.2f",
                key=f"rfm-point-{measure}-{place}-{draft.generation}",
                disabled=not own,
                width=130,
            )
            for place, number in enumerate(shown, start=1)
        ]
    if not own:
        draft.cut_points.pop(measure, None)
        return
    first, second, third, fourth = numbers
    draft.cut_points[measure] = first, second, third, fourth
    if numbers != sorted(numbers):
        st.warning(f"The cut points of {measure} must ascend: smallest first.")
