"""The form for custom cut points: four ascending numbers for a measure, in the unit of its column."""

import streamlit as st

from loyalty_core.rfm import RfmCutPoints
from loyalty_core.services import get_services
from loyalty_core.settings import RfmMeasure
from loyalty_core.ui import formatting
from loyalty_core.ui.fields import draw_number
from loyalty_core.ui.rfm.cells_state import MapDraft
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.rfm.score_ranges import MEASURES
from loyalty_core.ui.text import escape


def draw_cut_points_form(draft: MapDraft, reader: RfmReader) -> None:
    """One row per measure, switched on where the map has its own cut points."""
    st.subheader("Cut points", anchor=False)
    st.caption(escape(_explained()))
    points = reader.cut_points_without_map()
    for measure in MEASURES:
        _draw_row(draft, measure, points)


def _explained() -> str:
    text = (
        "A score is 1 plus the number of cut points below the value; for recency the order is reversed. Unless you "
        "set your own, cut points are quintiles of the base."
    )
    given = sorted(get_services().settings.rfm_cut_points)
    if not given:
        return text
    return f"{text} RFM_CUT_POINTS sets those of {' and '.join(given)}; cut points saved here take precedence."


def _draw_row(draft: MapDraft, measure: RfmMeasure, points: RfmCutPoints) -> None:
    units: dict[RfmMeasure, str] = {
        "recency": "days since the last purchase",
        "frequency": "purchases",
        "monetary": f"spend in {escape(formatting.currency_symbol())}",
    }
    shown = draft.start.cut_points.get(measure) or getattr(points, measure)
    with st.container(horizontal=True):
        own = st.toggle(
            f"Custom {measure} ({units[measure]})",
            value=measure in draft.start.cut_points,
            key=f"rfm-own-{measure}-{draft.generation}",
            width=330,
        )
        numbers = [
            draw_number(
                f"{measure.capitalize()} {place}",
                round(float(number), 2),
                key=f"rfm-point-{measure}-{place}-{draft.generation}",
                disabled=not own,
                width=130,
            )
            for place, number in enumerate(shown, start=1)
        ]
    if not own:
        draft.cut_points.pop(measure, None)
        draft.unusable.discard(measure)
        return
    given = [number for number in numbers if number is not None]
    if len(given) < len(numbers):
        draft.unusable.add(measure)
        return
    draft.unusable.discard(measure)
    first, second, third, fourth = given
    draft.cut_points[measure] = first, second, third, fourth
    if given != sorted(given):
        st.warning(f"The cut points of {measure} must ascend: smallest first.")
