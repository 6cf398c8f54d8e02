"""Feature drift: the customers at the training against those of today, feature by feature."""

from typing import Any

import pandas as pd
import streamlit as st

from loyalty_core.analytics.monitoring import Monitoring
from loyalty_core.ml.features import DRIFTED, MOVED, FeatureDrift, State
from loyalty_core.ml.tasks import TASKS, title_of
from loyalty_core.ui import charts, formatting, table_columns
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.monitoring import drift_charts

STATE_MARKS: dict[State, str] = {"stable": "● stable", "moved": "▲ moved", "drifted": "◆ drifted"}
_ROW_HEIGHT = 35
_ROWS_SEEN = 10
_CHART_HEIGHT = 320


def draw_drift(found: Monitoring) -> None:
    """The table of all features, and the values of the one that is chosen, then and now."""
    with st.container(border=True):
        st.subheader("Features: drift since the training", anchor=False)
        if found.no_drift is not None:
            parts = (found.no_drift.what, found.no_drift.why, found.no_drift.remedy)
            st.info(" ".join(escape(part) for part in parts), icon=":material/history:")
            return
        if not found.drift:
            st.info("None of the features that the models know can be read from the features view.")
            return
        first = found.drift[0]
        st.caption(
            f"The {formatting.count(first.now.rows)} customers of today compared with the "
            f"{formatting.count(first.then.rows)} at the training of version {escape(found.version)}. A population "
            f"stability index (PSI) below {formatting.number(MOVED)} is stable; above {formatting.number(DRIFTED)}, "
            "the feature has drifted."
        )
        _draw_features(found.drift)


@fragment()
def _draw_features(drift: tuple[FeatureDrift, ...]) -> None:
    event: Any = st.dataframe(
        pd.DataFrame([_row(one) for one in drift]),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0], "columns": [], "cells": []}},
        key="feature-drift",
        height=_ROW_HEIGHT * (1 + min(len(drift), _ROWS_SEEN)) + 3,
        column_config={
            "PSI": table_columns.decimal_bar(
                digits=3, highest=2 * DRIFTED, width=110,
                help="Σ (now − then) · ln(now / then) over the bins of the feature. A full bar is twice the limit.",
            ),
            "What moved most": st.column_config.TextColumn(width=210),
            **{_against(model): _against_column(model) for model in TASKS},
        },
        alt="Features by how far they have moved since the training",
    )  # fmt: skip
    chosen = drift[next(iter(event.selection.rows), 0)]
    st.markdown(f"**{escape(chosen.label)}**")
    charts.draw(
        drift_charts.then_and_now(chosen),
        "feature-then-now",
        f"{chosen.label}, share of customers at training and today: {chosen.moved or 'no difference'}.",
        height=_CHART_HEIGHT,
        legend=True,
    )
    st.caption(
        "A click on a row shows its values; a click in the legend adds the rows that a model was trained on. They are "
        "past moments of customers, so a small difference is normal. A feature that has drifted away from what the "
        "models learned stays an alarm until they learn from newer rows: training again on the same rows does not end "
        "it."
    )


def _row(one: FeatureDrift) -> dict[str, Any]:
    row = {
        "Feature": one.label,
        "State": STATE_MARKS[one.state],
        "PSI": round(one.psi, 3),
        "What moved most": one.moved or "nothing",
        "Mean": _change(_mean(one, one.then.mean), _mean(one, one.now.mean)),
        "Blank": _change(formatting.percent(one.then.blank, 1), formatting.percent(one.now.blank, 1)),
    }
    return row | {_against(model): round(one.population_psi(model) or 0, 3) for model in TASKS if model in one.training}


def _mean(one: FeatureDrift, mean: float | None) -> str:
    return formatting.BLANK if mean is None else formatting.loose_value(one.column, mean)


def _change(then: str, now: str) -> str:
    return then if then == now else f"{then} → {now}"


def _against(model: str) -> str:
    return f"PSI, {title_of(model).lower()} rows"


def _against_column(model: str) -> Any:
    return table_columns.decimal_column(
        digits=3,
        help=f"The training rows of the {escape(title_of(model).lower())} model against the customers of today. They "
        "are other moments, and for offers only customers who took one, so this may be high from the first day.",
    )
