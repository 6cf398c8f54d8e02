"""Two versions side by side, with the simple models that each must beat: in sentences, then part by part."""

from collections.abc import Callable, Mapping
from typing import Literal

import pandas as pd
import streamlit as st

from loyalty_core.ml.evaluation import read_grade
from loyalty_core.ml.tasks import TASKS, title_of
from loyalty_core.ml.training import describe_balance, describe_channels
from loyalty_core.ml.versions import Judgement, VersionRecord
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.comparison import model_charts
from loyalty_core.ui.training.comparison.consequences_view import draw_consequences, in_words
from loyalty_core.ui.training.comparison.measures import Measures
from loyalty_core.ui.training.queries import comparison

_BADGES: dict[Judgement, tuple[str, str, Literal["green", "red", "gray"]]] = {
    "better": ("Better", ":material/trending_up:", "green"),
    "worse": ("Worse", ":material/trending_down:", "red"),
    "no clear difference": ("No clear difference", ":material/trending_flat:", "gray"),
}
_CUSTOMERS = "Your customers"


class Comparison:
    """`first` beside `second`, if any; `names` are what the screen calls them."""

    def __init__(self, first: VersionRecord, second: VersionRecord | None, names: tuple[str, str]) -> None:
        self._first, self._second, self._names = first, second, names
        self._found = comparison(first.version, second.version) if second else None
        same_rows = self._found.same_rows if self._found else {}
        every = [Measures(model, names, first, second, same_rows.get(model)) for model in TASKS]
        self._models = [measures for measures in every if measures.by_name]

    def draw_summary(self) -> None:
        """For each model which version is better, and how many customers get a different answer."""
        for measures in self._models:
            verdict = measures.verdict()
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{escape(title_of(measures.model))}**", width="content")
                if verdict:
                    text, icon, colour = _BADGES[verdict[0]]
                    st.badge(text, icon=icon, color=colour)
                words = verdict[1] if verdict else measures.own.get("sentence", "")
                st.markdown(escape(words), width="content")
        if self._found:
            st.markdown(escape(in_words(self._found)))

    def draw_parts(self, key: str, more: Mapping[str, Callable[[], None]]) -> None:
        """A tab for each model, one for the customers, and `more` of them."""
        parts: dict[str, Callable[[], None]] = {
            title_of(measures.model): lambda measures=measures: _draw_model(measures, f"{key}-{measures.model}")
            for measures in self._models
        }
        if self._second is not None:
            parts[_CUSTOMERS] = lambda: self._draw_customers(key)
        parts |= more
        # Only what is looked at is drawn.
        for tab, draw in zip(
            st.tabs([escape(part) for part in parts], key=f"{key}-parts", on_change="rerun"),
            parts.values(),
            strict=True,
        ):
            if tab.open:
                with tab, errors_shown():
                    draw()

    def _draw_customers(self, key: str) -> None:
        if self._found is None:
            st.caption(
                "These two have not been compared yet: each was measured at its own training, on the newest "
                "rows at the time. Compare them on the same rows, and see which customers get a different answer."
            )
        else:
            if self._found.data_changed:
                st.caption(":material/update: Compared on an earlier state of this data.")
            draw_consequences(self._found, self._names, key)
        assert self._second is not None  # noqa: S101  the tab is not there without
        draw_job(
            "comparison",
            start_label="Compare" if self._found is None else "Compare again",
            options={"version": self._first.version, "against": self._second.version},
            key=f"{key}-compare",
        )


def _draw_model(measures: Measures, key: str) -> None:
    grade = read_grade(measures.own)
    if sentence := measures.own.get("sentence"):
        st.markdown(escape(f"Grade {grade}. {sentence}" if grade else sentence))
    st.dataframe(pd.DataFrame(measures.rows()), hide_index=True, key=key)
    entry = measures.first.models.get(measures.model, {})
    balance = describe_balance(TASKS[measures.model], entry.get("rows", {}))
    for said in filter(None, (balance, describe_channels(entry.get("window", {})))):
        st.caption(escape(said))
    if measures.same_rows and measures.same_rows.flattered:
        called = dict(zip(("version", "against"), measures.names, strict=True))
        flattered = " and ".join(called[side] for side in measures.same_rows.flattered)
        st.caption(escape(f"{flattered} may have learned from some of these rows, which favours it."))
    model_charts.draw_charts(measures, key)
    with st.expander("What the measures mean", icon=":material/help:"):
        meanings = {metric.title: metric.meaning for metric in TASKS[measures.model].metrics}
        st.markdown("\n".join(f"- **{escape(title)}:** {escape(meaning)}." for title, meaning in meanings.items()))
        st.caption(
            "In brackets: the 95% interval, where the measure may lie for other test customers of the same kind. The "
            "simple models learned from the same rows as the first version."
        )
