"""What a campaign against churn brings: how many to contact for the highest expected profit, and who they are."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from loyalty_core.analytics.churn import (
    ChurnCurve,
    LossBin,
    Plan,
    Terms,
    loss_rule,
    plan,
    threshold_loss,
    threshold_rule,
)
from loyalty_core.analytics.scope import ScopedBase
from loyalty_core.ui import charts, formatting
from loyalty_core.ui.churn import figures
from loyalty_core.ui.churn import queries as reading
from loyalty_core.ui.fields import draw_number
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.links import draw_save_as_segment
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.text import escape
from loyalty_core.warehouse import Column

_ONE_AMOUNT = ""
_LARGEST_AMOUNT = 1e9


@fragment()
def draw_budget(reader: reading.ChurnReader, curve: ChurnCurve) -> None:
    """Only another money column queries the warehouse; costs and rates are applied to what was read."""
    with errors_shown():
        column, amount, terms = _draw_inputs()
        if amount is None or terms is None:
            st.info("Correct the field above to see what a campaign brings.", icon=":material/edit:")
            return
        losses = reader.loss_bins(column.name) if column else curve.loss_bins(amount)
        found = plan(losses, terms)
        if not found.best.customers:
            st.info(
                "No contact pays: it costs more than the highest expected loss times the save rate. Lower the cost, or "
                "raise the save rate or what a customer is worth.",
                icon=":material/money_off:",
            )
            return
        left, right = st.columns([2, 1], gap="large")
        with left:
            charts.draw(figures.profit(found), "churn-profit", _in_words(found), height=360)
            st.caption(
                "The line is the expected profit. If the probabilities are right, the profit lies within the band nine "
                "times out of ten."
            )
        with right:
            _draw_best(found, terms)
            draw_save_as_segment(_draw_rule(reader.base, column, losses, found, amount), "budget-segment")


def _draw_inputs() -> tuple[Column | None, float | None, Terms | None]:
    """The money column, or None and one amount for everybody; and the campaign's terms. None for an unusable field."""
    symbol = escape(formatting.currency_symbol())
    columns = {column.name: column for column in reading.money_columns()}
    with st.container(horizontal=True):
        chosen = st.selectbox(
            "A customer who stays is worth",
            [*columns, _ONE_AMOUNT],
            format_func=lambda name: columns[name].label if name else "One amount for everybody",
            key="value",
            bind="query-params",
            width=260,
        )
        column = columns.get(chosen or "")
        amount = 0.0 if column else _number(f"Worth of a customer ({symbol})", 100, "worth", _LARGEST_AMOUNT)
        cost = _number(f"Cost of a contact ({symbol})", 5, "cost", _LARGEST_AMOUNT)
        save_rate = _number(
            "Save rate (%)",
            20,
            "saved",
            100,
            "Of the customers who would have left, how many stay because they were contacted.",
        )
    return column, amount, None if cost is None or save_rate is None else Terms(cost, save_rate / 100)


def _number(label: str, start: float, key: str, highest: float, explained: str | None = None) -> float | None:
    return draw_number(label, start, key=key, lowest=0, highest=highest, help=explained, bind="query-params")


def _draw_best(found: Plan, terms: Terms) -> None:
    best = found.best
    everybody = found.choices[-1].customers
    st.metric(
        "Best number to contact",
        formatting.count(best.customers),
        delta=f"{formatting.percent(best.customers / everybody, 1)} of {formatting.count(everybody)}",
        delta_color="off",
        delta_arrow="off",
        help="A contact pays while probability times worth is above cost divided by save rate, which is "
        f"{escape(formatting.money(terms.break_even_loss))}.",
    )
    st.metric(
        "Expected profit",
        escape(formatting.compact_money(best.profit)),
        delta=escape(f"90%: {formatting.compact_money(best.low)} to {formatting.compact_money(best.high)}"),
        delta_color="off",
        delta_arrow="off",
        help="What the customers who stay are worth, less the cost of all contacts. The range covers chance "
        "only: it takes the probabilities and the inputs as right.",
    )
    st.caption(
        f"{formatting.count(round(best.retained))} customers stay; the contacts cost "
        f"{escape(formatting.compact_money(best.cost))}. "
        + (
            f"Contacting more than {formatting.count(found.break_even.customers)} loses money."
            if found.break_even
            else "Even contacting everybody would not lose money."
        )
    )


def _draw_rule(base: ScopedBase, column: Column | None, losses: Sequence[LossBin], found: Plan, amount: float) -> Any:
    """Describe whom the best choice contacts; returns the rule."""
    if column is None:
        threshold = round(found.best.lowest_loss / amount, 3)
        st.markdown(f"Contact from a probability of **{formatting.percent(threshold, 1)}**.")
        return threshold_rule(base, threshold)
    lowest = threshold_loss(losses, found.best)
    label, amount_text = escape(column.label.lower()), escape(formatting.money(lowest))
    st.markdown(f"Contact where probability × {label} is at least **{amount_text}**.")
    return loss_rule(base, column.name, lowest)


def _in_words(found: Plan) -> str:
    return (
        f"Expected profit by customers contacted: best with {formatting.count(found.best.customers)}, "
        f"{formatting.compact_money(found.best.profit)}."
    )
