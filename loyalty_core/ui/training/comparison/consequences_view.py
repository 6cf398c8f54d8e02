"""Who gets a different answer from another version: in the base and in each segment."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from loyalty_core.ml.versions import Shift, VersionComparison
from loyalty_core.ui import cached_reads, charts, formatting, table_columns
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.comparison import shift_figures

_HEIGHT = 300


def in_words(found: VersionComparison) -> str:
    """How many customers of the base get a different answer, in a sentence."""
    base = found.shifts[0]
    changes = " and ".join(part for part in (_words(base, "churn risk"), _words(base, "best offer")) if part)
    return f"Of {formatting.count(base.customers)} customers, {changes or 'nobody gets a different answer'}."


def draw_consequences(found: VersionComparison, names: tuple[str, str], key: str) -> None:
    """A row for the base and for each segment; the one chosen is drawn below."""
    event = st.dataframe(
        pd.DataFrame([_row(shift, names) for shift in found.shifts]),
        hide_index=True,
        key=f"{key}-shifts",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            **dict.fromkeys(("Different risk", "Different offer"), table_columns.share_bar()),
            **dict.fromkeys(("Customers", "Higher", "Lower"), table_columns.count_column()),
        },
    )
    chosen = found.shifts[next(iter(event.selection.rows), 0)]
    st.caption(
        escape(
            f"Select a row to chart it. Compared {formatting.moment(found.compared_at)}; segments by their rules, with "
            "the predictions of the last scoring."
        )
    )
    for remark in found.remarks:
        st.caption(escape(remark))
    _draw_shift(chosen, found.offers, names, key)


def _words(shift: Shift, what: str) -> str:
    counts, changed = {
        "churn risk": (shift.bands, shift.other_band),
        "best offer": (shift.offers, shift.other_offer),
    }[what]
    if not counts:
        return ""
    share = formatting.percent(changed / max(shift.customers, 1), 1)
    return f"{formatting.count(changed)} ({share}) get a different {what}"


def _row(shift: Shift, names: tuple[str, str]) -> dict[str, str | int | float | None]:
    customers = max(shift.customers, 1)
    rises = sum(value for row, values in enumerate(shift.bands) for value in values[row + 1 :])
    before, after = (formatting.count(round(number)) for number in shift.churners or (0, 0))
    return {
        "Segment": shift.name,
        "Customers": shift.customers,
        "Different risk": formatting.rounded_share(shift.other_band / customers) if shift.bands else None,
        "Higher": rises if shift.bands else None,
        "Lower": shift.other_band - rises if shift.bands else None,
        f"Expected to leave: {names[1]} → {names[0]}": f"{before} → {after}" if shift.churners else formatting.BLANK,
        "Different offer": formatting.rounded_share(shift.other_offer / customers) if shift.offers else None,
    }


def _draw_shift(shift: Shift, offers: Sequence[int], names: tuple[str, str], key: str) -> None:
    left, right = st.columns(2)
    if shift.bands:
        with left:
            st.caption(escape(f"Churn risk · {shift.name}"))
            alt = f"Customers of {shift.name} by churn risk with {names[1]} and with {names[0]}."
            charts.draw(shift_figures.bands(shift.bands, names), f"{key}-bands", alt, height=_HEIGHT)
    if shift.offers:
        known = cached_reads.offer_names()
        called = [known.get(offer, f"Offer {offer}") for offer in offers]
        with right:
            st.caption(escape(f"Best offer · {shift.name}"))
            alt = f"Customers of {shift.name} by best offer with {names[1]} and with {names[0]}."
            figure = shift_figures.best_offers(shift.offers, called, names)
            charts.draw(figure, f"{key}-offers", alt, height=_HEIGHT, legend=True)
