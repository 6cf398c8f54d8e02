"""What a campaign against churn brings: how many to contact for the highest expected profit, and who they are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from loyalty_core.analytics.churn import (
    ChurnCurve,
    ContactGains,
    LossBin,
    Plan,
    Terms,
    Worth,
    contact_rule,
    contact_threshold,
    gain_terms,
    plan,
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
_BY_UPLIFT, _ONE_RATE = "By the uplift model", "One save rate for everybody"
# By whether the uplift decides.
_NOTHING_PAYS = {
    False: "No contact pays: it costs more than the highest expected loss times the save rate. Lower the cost, or "
    "raise the save rate or what a customer is worth.",
    True: "No contact pays: it costs more than the highest uplift times what a customer is worth. Lower the cost, or "
    "raise what a customer is worth.",
}


@dataclass(frozen=True)
class _Inputs:
    """The money column, or None and one amount for everybody; and the campaign's terms."""

    column: Column | None
    amount: float
    terms: Terms
    by_uplift: bool

    @property
    def ranked_by(self) -> str:
        return "gain" if self.by_uplift else "loss"

    @property
    def worth(self) -> Worth:
        return Worth(self.column.name if self.column else None, self.amount)


@fragment()
def draw_budget(reader: reading.ChurnReader, base: ScopedBase, curve: ChurnCurve) -> None:
    """The campaign for `base`, the customers in scope who can still be kept, and their curve.

    Only another money column queries the warehouse; costs and rates are applied to what was read.
    """
    with errors_shown():
        inputs = _draw_inputs(reader)
        if inputs is None:
            st.info("Correct the field above to see what a campaign brings.", icon=":material/edit:")
            return
        if inputs.by_uplift:
            gains = reader.gains(inputs.worth.column, inputs.amount)
            _draw_harmed(gains)
            losses: Sequence[LossBin] = gains.bins
        else:
            _draw_one_rate_note()
            losses = reader.loss_bins(inputs.column.name) if inputs.column else curve.loss_bins(inputs.amount)
        found = plan(losses, inputs.terms)
        if not found.best.customers:
            st.info(_NOTHING_PAYS[inputs.by_uplift], icon=":material/money_off:")
            return
        left, right = st.columns([2, 1], gap="large")
        with left:
            charts.draw(partial(figures.profit, found, inputs.ranked_by), "churn-profit", _in_words(found), height=360)
            st.caption(
                "The line is the expected profit. If the probabilities are right, the profit lies within the band nine "
                "times out of ten."
            )
        with right:
            _draw_best(found, inputs)
            draw_save_as_segment(_draw_rule(base, inputs, losses, found), "budget-segment")


def _draw_inputs(reader: reading.ChurnReader) -> _Inputs | None:
    """None for an unusable field."""
    symbol = escape(formatting.currency_symbol())
    columns = {column.name: column for column in reading.money_columns()}
    by_uplift = reader.has_uplift() and _draw_basis() == _BY_UPLIFT
    options = [*columns, _ONE_AMOUNT]
    with st.container(horizontal=True):
        chosen = st.selectbox(
            "A conversion is worth" if by_uplift else "A customer who stays is worth",
            options,
            # A conversion is one purchase, not all that a customer buys.
            index=_place_of_average(options) if by_uplift else 0,
            format_func=lambda name: columns[name].label if name else "One amount for everybody",
            key="conversion-value" if by_uplift else "value",
            bind="query-params",
            width=260,
        )
        column = columns.get(chosen or "")
        amount = 0.0 if column else _number(f"Worth of a customer ({symbol})", 100, "worth", _LARGEST_AMOUNT)
        cost = _number(f"Cost of a contact ({symbol})", 5, "cost", _LARGEST_AMOUNT)
        save_rate = (
            100.0
            if by_uplift
            else _number(
                "Save rate (%)",
                20,
                "saved",
                100,
                "Of the customers who would have left, how many stay because they were contacted.",
            )
        )
    if amount is None or cost is None or save_rate is None:
        return None
    terms = gain_terms(cost) if by_uplift else Terms(cost, save_rate / 100)
    return _Inputs(column, amount, terms, by_uplift)


def _place_of_average(columns: Sequence[str]) -> int:
    """The first column of averages, else the one amount, which is the last."""
    averages = (place for place, name in enumerate(columns) if re.search(r"avg|average|mean", name.lower()))
    return next(averages, len(columns) - 1)


def _draw_basis() -> str | None:
    return st.segmented_control(
        "What a contact changes",
        [_BY_UPLIFT, _ONE_RATE],
        default=_BY_UPLIFT,
        required=True,
        key="basis",
        help="The uplift model knows from customers who were held out whom a contact changes; one save rate for "
        "everybody assumes that it changes all who would leave alike.",
    )


def _draw_harmed(gains: ContactGains) -> None:
    """How many are left out, since a contact would lose them or nothing is known about them."""
    sentences: list[str] = []
    if gains.harmed:
        sentences.append(
            f"{formatting.count(gains.harmed)} customers are left out: contact would make a conversion less likely."
        )
    if gains.unscored:
        sentences.append(f"{formatting.count(gains.unscored)} have no uplift.")
    if sentences:
        st.caption(f":material/do_not_disturb_on: {' '.join(sentences)}")
    if channels := reading.channels_of_uplift():
        st.caption(escape(channels))


def _draw_one_rate_note() -> None:
    st.caption(
        ":material/info: One save rate for everybody: who is likely to leave is not who can be kept. An uplift model, "
        "trained on campaigns with a holdout, shows whom a contact changes."
    )


def _number(label: str, start: float, key: str, highest: float, explained: str | None = None) -> float | None:
    return draw_number(label, start, key=key, lowest=0, highest=highest, help=explained, bind="query-params")


def _draw_best(found: Plan, inputs: _Inputs) -> None:
    best = found.best
    everybody = found.choices[-1].customers
    st.metric(
        "Best number to contact",
        formatting.count(best.customers),
        delta=f"{formatting.percent(best.customers / everybody, 1)} of {formatting.count(everybody)}",
        delta_color="off",
        delta_arrow="off",
        help=(
            f"A contact pays while uplift times worth is above its cost, {escape(formatting.money(inputs.terms.cost))}."
            if inputs.by_uplift
            else "A contact pays while probability times worth is above cost divided by save rate, which is "
            f"{escape(formatting.money(inputs.terms.break_even_loss))}."
        ),
    )
    st.metric(
        "Expected profit",
        escape(formatting.compact_money(best.profit)),
        delta=escape(f"90%: {formatting.compact_money(best.low)} to {formatting.compact_money(best.high)}"),
        delta_color="off",
        delta_arrow="off",
        help=f"What the customers who {'convert because of it' if inputs.by_uplift else 'stay'} are worth, less the "
        "cost of all contacts. The range covers chance only: it takes the probabilities and the inputs as right.",
    )
    won = "more customers convert" if inputs.by_uplift else "customers stay"
    st.caption(
        f"{formatting.count(round(best.retained))} {won}; the contacts cost "
        f"{escape(formatting.compact_money(best.cost))}. "
        + (
            f"Contacting more than {formatting.count(found.break_even.customers)} loses money."
            if found.break_even
            else "Even contacting everybody would not lose money."
        )
    )


def _draw_rule(base: ScopedBase, inputs: _Inputs, losses: Sequence[LossBin], found: Plan) -> Any:
    """Describe whom the best choice contacts; returns the rule."""
    column, score = inputs.column, "uplift" if inputs.by_uplift else "probability"
    threshold = contact_threshold(losses, found.best, inputs.worth, by_uplift=inputs.by_uplift)
    if column is None:
        article = "an" if inputs.by_uplift else "a"
        st.markdown(f"Contact from {article} {score} of **{formatting.percent(threshold, 1)}**.")
    else:
        label, amount = escape(column.label.lower()), escape(formatting.money(threshold))
        st.markdown(f"Contact where {score} × {label} is at least **{amount}**.")
    return contact_rule(base, threshold, inputs.worth, by_uplift=inputs.by_uplift)


def _in_words(found: Plan) -> str:
    return (
        f"Expected profit by customers contacted: best with {formatting.count(found.best.customers)}, "
        f"{formatting.compact_money(found.best.profit)}."
    )
