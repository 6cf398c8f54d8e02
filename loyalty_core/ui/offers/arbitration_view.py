"""The arbitration sandbox: levers, values, caps and eligibility in a table, with the outcome after every edit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from loyalty_core.ui import charts, formatting, table_columns
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.offers import offer_charts
from loyalty_core.ui.offers.eligibility import eligibility_dialog
from loyalty_core.ui.offers.policy_state import CAP, LEVER, VALUE, keep_in_address
from loyalty_core.ui.offers.saved_policies import draw_saved_policies
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.analytics.offers import Arbitration, Policy, Reason
    from loyalty_core.ui.offers.policy_state import PolicyDraft
    from loyalty_core.ui.offers.queries import OfferReader

_REASONS: dict[Reason, tuple[str, str]] = {
    "not eligible": (
        "No offer they are eligible for",
        "They match no offer's rule. An offer with a lever of 0 or a value of 0 or less is given to nobody.",
    ),
    "at caps": ("All their offers are at their caps", "Others have a higher priority for each of their offers."),
    "not scored": ("Not scored", "The scoring run could not read their features."),
    "harmed by contact": ("Better not contacted", "Contact would make a conversion less likely, by the uplift model."),
}


@fragment()
def draw_arbitration(reader: OfferReader, draft: PolicyDraft) -> None:
    """The table of terms and the outcome; an edit reruns only this fragment."""
    with errors_shown():
        draw_saved_policies(draft)
        policy = draft.policy
        outcome = reader.arbitration(policy)
        # Where every conversion is worth 1, sums of values are numbers of conversions.
        _draw_outcome(outcome, is_money=any(terms.value != 1 for terms in policy.offers.values()))
        _draw_terms(reader, draft, policy, outcome)
        left, right = st.columns([1.7, 1], gap="medium")
        with left.container(border=True, height="stretch"):
            _draw_mix(reader, policy, outcome)
        with right.container(border=True, height="stretch"):
            _draw_without(outcome)
        if not keep_in_address(draft):
            st.caption("The policy is too long for the page's address: until it is saved, links do not include it.")


def _draw_outcome(outcome: Arbitration, *, is_money: bool) -> None:
    given = sum(award.customers for award in outcome.after.values())
    before = sum(award.customers for award in outcome.before.values())
    with st.container(horizontal=True):
        if outcome.value_before is None or outcome.value_after is None:
            _draw_comparison(outcome)
        else:
            _draw_values(outcome.value_before, outcome.value_after, is_money=is_money)
        st.metric(
            "Customers with an offer",
            formatting.count(given),
            delta=formatting.change(given - before) if given != before else None,
            delta_color="off",
            delta_arrow=formatting.arrow(given - before),
            border=True,
            height="stretch",
            help="Customers whom the policy gives an offer, and the change against the recommendations.",
        )


def _draw_values(before: float, after: float, *, is_money: bool) -> None:
    noun, gain = "value" if is_money else "conversions", after - before
    st.metric(
        f"Expected {noun} as recommended",
        _amount(before, is_money=is_money),
        border=True,
        height="stretch",
        help="Everybody gets the offer with their highest propensity: the sum of propensity × uptake × value.",
    )
    st.metric(
        f"Expected {noun} with this policy",
        _amount(after, is_money=is_money),
        delta=f"{'+' if gain >= 0 else '−'}{_amount(abs(gain), is_money=is_money)}" if round(gain, 2) else None,
        delta_color="green" if gain >= 0 else "red",
        delta_arrow=formatting.arrow(gain),
        border=True,
        height="stretch",
        help="Propensity × uptake × value over the offers that the policy gives; levers change who gets what, not what "
        "it is worth.",
    )


def _draw_comparison(outcome: Arbitration) -> None:
    """Without an uptake model, values can be compared with each other but not counted in money."""
    st.metric(
        "Value compared with the recommendations",
        "Not known" if outcome.gain is None else f"{formatting.signed(100 * outcome.gain, 1)}%",
        border=True,
        height="stretch",
        help="The change of the sum of propensity × value. How many customers take an offer is not known, so this is "
        "not money: it assumes that all are equally likely to take one.",
    )


def _draw_terms(reader: OfferReader, draft: PolicyDraft, policy: Policy, outcome: Arbitration) -> None:
    with st.container(border=True):
        effect = " × uplift" if outcome.goes_by_uplift else ""
        st.subheader(f"Priority = propensity{effect} × value × lever", anchor=False)
        _draw_table(reader, draft, policy, outcome)
        for fault in draft.faults:
            st.warning(escape(f"{fault} The cell is not used."), icon=":material/edit_off:")
        # Below the table: above it, the table's toolbar would cover it.
        with st.container(horizontal=True, vertical_alignment="center"):
            _draw_notes(reader, policy, outcome)
            chosen = st.menu_button(
                "Who may get …",
                list(policy.offers),
                format_func=lambda offer: escape(reader.name(offer)),
                icon=":material/rule:",
                key="eligibility-of",
                help="A rule for who may get an offer, built as in the segment editor.",
            )
    if chosen is not None:
        eligibility_dialog(draft, int(chosen), reader.name(int(chosen)))


def _draw_table(reader: OfferReader, draft: PolicyDraft, policy: Policy, outcome: Arbitration) -> None:
    # The table stores its edits by row, so its other columns may change meanwhile.
    base = draft.base.offers
    st.data_editor(
        pd.DataFrame(
            {
                "Offer": [reader.name(offer) for offer in base],
                LEVER: [formatting.number(terms.lever) for terms in base.values()],
                VALUE: [formatting.number(terms.value, 2) for terms in base.values()],
                CAP: [None if terms.cap is None else formatting.number(terms.cap) for terms in base.values()],
                "Who may get it": [_sentence(reader, policy, offer) for offer in base],
                "Recommended": [outcome.before[offer].customers for offer in base],
                "With policy": [outcome.after[offer].customers for offer in base],
            }
        ),
        key=draft.table_key,
        hide_index=True,
        height="content",
        placeholder="No cap",
        disabled=["Offer", "Who may get it", "Recommended", "With policy"],
        column_config={
            "Offer": st.column_config.TextColumn(width="medium", pinned=True),
            LEVER: _number_column(
                "Lever", "0 to 5: your push for this offer. 1 changes nothing, 0 switches the offer off."
            ),
            VALUE: _number_column(
                f"Value ({formatting.currency_symbol()})",
                "Money per conversion. An offer with a value of 0 or less is given to nobody.",
            ),
            CAP: _number_column("Cap", "The most customers who may get it; empty for any number.", whole=True),
            "Who may get it": st.column_config.TextColumn(width="medium"),
            "Recommended": table_columns.count_column(help="Whose best offer it is"),
            "With policy": table_columns.count_column(help="Who get it with this policy"),
        },
        alt="Lever, value, cap and eligibility of each offer, and its customers",
    )


def _number_column(title: str, explained: str, *, whole: bool = False) -> Any:
    """A column of numbers as text: Streamlit's number cells drop what does not fit, so that 10,90 becomes 1090."""
    return st.column_config.TextColumn(
        title, help=explained, alignment="right", validate=formatting.number_pattern(whole=whole), width="small"
    )


def _draw_notes(reader: OfferReader, policy: Policy, outcome: Arbitration) -> None:
    losing = [reader.name(offer) for offer, terms in policy.offers.items() if terms.value <= 0]
    text = "Click a lever, a value or a cap to change it; the figures are updated immediately."
    if losing:
        text += f" Given to nobody, since a conversion brings no gain: {escape(', '.join(losing))}."
    if not outcome.goes_by_uplift:
        text += " Whom an offer changes is not known: some who get one would buy anyway. An uplift model would show it."
    st.caption(text, width="stretch")


def _draw_mix(reader: OfferReader, policy: Policy, outcome: Arbitration) -> None:
    st.subheader("Who gets what", anchor=False)
    caps = {offer: terms.cap for offer, terms in policy.offers.items()}
    charts.draw(
        partial(offer_charts.before_and_after, outcome, caps, reader.name),
        "policy-mix",
        "; ".join(
            f"{reader.name(offer)} {formatting.count(award.customers)}" for offer, award in outcome.after.items()
        ),
        height=340,
    )
    capped = " Vertical lines: caps." if any(cap is not None for cap in caps.values()) else ""
    st.caption(f"Bars: customers with this policy. Diamonds: as recommended.{capped}")


def _draw_without(outcome: Arbitration) -> None:
    total = sum(outcome.without.values())
    st.subheader("Without an offer", anchor=False)
    st.metric(
        "Customers",
        formatting.count(total),
        label_visibility="collapsed",
        delta=f"{formatting.percent(total / outcome.customers, 1)} of all in scope" if outcome.customers else None,
        delta_color="off",
        delta_arrow="off",
    )
    for reason, customers in outcome.without.items():
        title, why = _REASONS[reason]
        share = customers / total if total else 0.0
        st.progress(share, f"{title}: **{formatting.count(customers)}**")
        if customers:
            st.caption(why)
    if outcome.cutoffs:
        rounds = f"{formatting.count(outcome.rounds)} round{'' if outcome.rounds == 1 else 's'}"
        st.caption(f"Caps applied in {rounds}: where an offer is full, the customers with the highest priority get it.")


def _amount(number: float, *, is_money: bool) -> str:
    return escape(formatting.compact_money(number)) if is_money else formatting.count(round(number))


def _sentence(reader: OfferReader, policy: Policy, offer: int) -> str:
    """The rule in words, without the opening that all rules share."""
    words = reader.base.engine.compile(policy.offers[offer].rule).describe().removeprefix("Customers where ")
    return words[:1].upper() + words[1:]
