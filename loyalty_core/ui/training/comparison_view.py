"""Two versions side by side, with the simple models that each must beat."""

import pandas as pd
import streamlit as st

from loyalty_core.ml.comparison import DIGITS, METRICS, TITLES, Metric, VersionRecord
from loyalty_core.ui import charts, format
from loyalty_core.ui.messages import escape
from loyalty_core.ui.training import figures


def draw_comparison(first: VersionRecord, second: VersionRecord | None, names: tuple[str, str], key: str) -> None:
    """Every measure of `first` beside those of `second`, if any, and beside the baselines of `first`."""
    for model, metrics in METRICS.items():
        if not first.metrics(model) and not (second and second.metrics(model)):
            continue
        st.markdown(f"**{TITLES[model]}**")
        if sentence := first.metrics(model).get("sentence"):
            st.caption(escape(f"Grade {first.metrics(model).get('grade', '')}. {sentence}"))
        rows = [_row(model, metric, first, second, names) for metric in metrics]
        st.dataframe(pd.DataFrame(rows), hide_index=True, key=f"{key}-{model}")
    with st.expander("What the measures mean", icon=":material/help:"):
        meanings = {metric.title: metric.meaning for metrics in METRICS.values() for metric in metrics}
        st.markdown("\n".join(f"- **{escape(title)}:** {escape(meaning)}." for title, meaning in meanings.items()))
    _draw_calibration(first, second, names, key)
    if second is not None:
        st.caption("Each version was measured on the newest rows of its own data, which it had not seen.")


def _row(
    model: str, metric: Metric, first: VersionRecord, second: VersionRecord | None, names: tuple[str, str]
) -> dict[str, str]:
    own, other = first.metrics(model).get(metric.key), second.metrics(model).get(metric.key) if second else None
    row = {"Measure": metric.title, names[0]: _shown(metric, own)}
    if second is not None:
        row[names[1]] = _shown(metric, other)
        row["Change"] = _change(metric, own, other)
    baselines = first.metrics(model).get("baselines", {})
    return row | {name.capitalize(): _shown(metric, values.get(metric.key)) for name, values in baselines.items()}


def _shown(metric: Metric, value: float | None) -> str:
    if value is None:
        return format.BLANK
    return format.percent(value, DIGITS - 2) if metric.is_share else f"{value:.{DIGITS}f}"


def _change(metric: Metric, own: float | None, other: float | None) -> str:
    if own is None or other is None:
        return format.BLANK
    if _shown(metric, own) == _shown(metric, other):
        return "same"
    return "▼ worse" if metric.is_worse(own, other) else "▲ better"


def _draw_calibration(first: VersionRecord, second: VersionRecord | None, names: tuple[str, str], key: str) -> None:
    records = {names[0]: first} | ({names[1]: second} if second else {})
    deciles = {name: record.metrics("churn").get("deciles", ()) for name, record in records.items()}
    if shown := {name: groups for name, groups in deciles.items() if groups}:
        st.markdown("**Calibration of churn, by tenths of the test customers**")
        charts.draw(
            figures.calibration(shown),
            f"{key}-calibration",
            f"Share that left over the share predicted, for {' and '.join(shown)}.",
            legend=True,
        )
