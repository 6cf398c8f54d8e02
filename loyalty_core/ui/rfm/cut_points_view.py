"""What each score means in days, purchases and money, and how many customers have it."""

from datetime import timedelta

import pandas as pd
import streamlit as st

from loyalty_core.analytics.rfm import RfmFigures
from loyalty_core.rfm import RfmCutPoints
from loyalty_core.services import get_services
from loyalty_core.settings import RfmMeasure
from loyalty_core.ui import formatting
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.rfm.score_ranges import MEASURES, with_unit
from loyalty_core.ui.text import escape

_TITLES: dict[RfmMeasure, str] = {
    "recency": "Recency · last purchase",
    "frequency": "Frequency · purchases",
    "monetary": "Monetary · spend",
}
# A run takes its cut points when it starts; those of another day were computed for single customers since.
_OF_THE_RUN = timedelta(hours=1)


def draw_cut_points(reader: RfmReader) -> None:
    """One table by measure, with where the cut points come from."""
    figures = reader.figures()
    points = figures.cut_points
    st.caption(escape(_origin(points)))
    if points.as_of - reader.base.run.scored_at > _OF_THE_RUN:
        st.info(
            "These were computed after the scoring run. Score again, so that the scores on this screen use them too."
        )
    for place, measure in zip(st.columns(len(MEASURES), gap="medium"), MEASURES, strict=True):
        with place.container(border=True):
            st.subheader(_TITLES[measure], anchor=False)
            _draw_measure(figures, reader, measure)


def _origin(points: RfmCutPoints) -> str:
    bought = points.customers - points.never_bought
    how = "quintiles" if points.rule == "default" else "quintiles plus 1, as in the R package rfm"
    settings = sorted(set(get_services().settings.rfm_cut_points) - set(points.custom))
    given = f" Those of {' and '.join(points.custom)} were saved with the cells." if points.custom else ""
    given += f" Those of {' and '.join(settings)} are set in RFM_CUT_POINTS." if settings else ""
    customers = f"the {formatting.count(bought)} customers who have bought, out of {formatting.count(points.customers)}"
    if get_services().warehouse.has_scope:
        customers = "all customers who have bought, also of those whom you do not see"
    return (
        f"As of {formatting.moment(points.as_of)}: {how} of {customers}.{given} Equal values have equal scores, so the "
        "fifths are not always even."
    )


def _draw_measure(figures: RfmFigures, reader: RfmReader, measure: RfmMeasure) -> None:
    ranges = reader.ranges(figures.cut_points, measure)
    by_score = figures.by_score(measure)
    total = sum(spending.customers for spending in by_score.values())
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "Score": score,
                    "Value": with_unit(ranges[score], measure),
                    "Customers": _customers(by_score[score].customers, total),
                }
                for score in range(5, 0, -1)
            ]
        ),
        hide_index=True,
        column_config={
            "Score": st.column_config.NumberColumn(width=52),
            "Customers": st.column_config.TextColumn(alignment="right"),
        },
        alt=f"Scores of {measure}, their values and customers",
    )
    column = getattr(figures.cut_points.columns, measure)
    blank = " A blank value scores 1." if measure == "recency" else ""
    st.caption(escape(f"From the column {column}.{blank}"))


def _customers(customers: int, total: int) -> str:
    return f"{formatting.count(customers)} · {formatting.percent(customers / total if total else 0.0, 1)}"
