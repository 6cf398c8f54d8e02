"""One customer's offers: ranked by priority, with why each can be given or not and what drives its propensity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from loyalty_core.analytics.offers import BoundPolicy, RankedOffer, bind_policy, rank_offers
from loyalty_core.analytics.offers.customer_offers import customer_offers
from loyalty_core.errors import LoyaltyError
from loyalty_core.services import get_services
from loyalty_core.ui import formatting, table_columns
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.customer_search import draw_search
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.navigation import CUSTOMER_PARAMETER
from loyalty_core.ui.predictions import draw_drivers
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.analytics.offers import Cutoff
    from loyalty_core.ui.offers.policy_state import PolicyDraft
    from loyalty_core.ui.offers.queries import OfferReader


def draw_customer(reader: OfferReader, draft: PolicyDraft) -> None:
    """The customer of the address, or a search for one."""
    chosen = st.query_params.get(CUSTOMER_PARAMETER)
    if chosen is None:
        found = draw_search()
        if found is not None:
            st.query_params[CUSTOMER_PARAMETER] = str(found)
            st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Another customer", icon=":material/arrow_back:", type="tertiary", key="other-customer"):
            del st.query_params[CUSTOMER_PARAMETER]
            st.rerun()
        _draw_name(chosen)
    _draw_offers(reader, draft, chosen)


def _draw_name(customer_id: str) -> None:
    services = get_services()
    try:
        features = services.features.get(customer_id)
    except LoyaltyError:
        return  # reported below
    names = [str(features[name]) for name in services.features.name_columns()[:1] if features.get(name)]
    st.markdown(f"**{escape(names[0])}** · {escape(customer_id)}" if names else f"**{escape(customer_id)}**")


def _draw_offers(reader: OfferReader, draft: PolicyDraft, customer_id: str) -> None:
    policy = bind_policy(draft.policy, reader.base.engine)
    try:
        offers = customer_offers(reader.base, policy, customer_id)
    except LoyaltyError as error:
        show_error(error)
        return
    ranked = rank_offers(policy, offers.propensities, offers.features, offers.uplift)
    if all(one.propensity is None for one in ranked):
        st.info("This customer was not scored: the last run could not read their features.")
        return
    # The cutoffs of the tab Arbitration, so that both agree on who is past a cap.
    outcome = reader.arbitration(draft.policy)
    is_harmed = offers.uplift is not None and offers.uplift < 0
    states = {
        one.offer_id: _HARMED if is_harmed else state_of(one, outcome.cutoffs, policy, customer_id) for one in ranked
    }
    given = next((one.offer_id for one in ranked if states[one.offer_id] == ""), None)
    _draw_summary(reader, offers.recommended, given)
    with st.container(border=True):
        _draw_table(reader, policy, ranked, states, given)
        among = "" if outcome.counts_conversions else ", among customers who take any offer"
        st.caption(
            f"Propensity is the probability that the customer takes the offer{among}. With the terms set under "
            "Arbitration, caps included."
        )
    with st.container(border=True), errors_shown():
        _draw_why(reader, ranked, given, customer_id)


_HARMED = "Better not contacted: it makes a conversion less likely"


def state_of(one: RankedOffer, cutoffs: Mapping[int, Cutoff], policy: BoundPolicy, customer_id: str) -> str:
    """Why an offer cannot be given to the customer; blank when it can."""
    terms, cutoff = policy.policy.offers[one.offer_id], cutoffs.get(one.offer_id)
    if one.priority is None:
        return "Not scored"
    if not terms.is_on:
        return "Off: lever of 0" if terms.lever == 0 else "Off: no gain"
    if not one.is_eligible:
        return f"Not eligible: {policy.rules[one.offer_id].describe()}"
    if cutoff is not None and not cutoff.admits(one.priority, customer_id):
        return "Full: cap reached by higher priorities"
    return ""


def _draw_summary(reader: OfferReader, recommended: int | None, given: int | None) -> None:
    with st.container(horizontal=True):
        st.metric(
            "Recommended",
            "None" if recommended is None else escape(reader.name(recommended)),
            border=True,
            help="The offer that the model scores highest.",
        )
        st.metric(
            "With this policy",
            "None" if given is None else escape(reader.name(given)),
            border=True,
            help="The offer after the eligibility, priorities and caps of the policy.",
        )


def _draw_table(
    reader: OfferReader,
    policy: BoundPolicy,
    ranked: Sequence[RankedOffer],
    states: Mapping[int, str],
    given: int | None,
) -> None:
    st.subheader("Offers by priority", anchor=False)
    terms = policy.policy.offers
    draw_customer_rows(
        pd.DataFrame(
            {
                "Offer": [reader.name(one.offer_id) for one in ranked],
                "Propensity": [
                    None if one.propensity is None else formatting.rounded_share(one.propensity) for one in ranked
                ],
                "Value": [round(terms[one.offer_id].value, 2) for one in ranked],
                "Lever": [round(terms[one.offer_id].lever, 2) for one in ranked],
                "Priority": [None if one.priority is None else round(one.priority, 3) for one in ranked],
                "State": [
                    "✓ Given" if one.offer_id == given else states[one.offer_id] or "Eligible, lower priority"
                    for one in ranked
                ],
            }
        ),
        "offers",
        height="content",
        column_config={
            "Offer": st.column_config.TextColumn(width="medium", pinned=True),
            "Propensity": table_columns.share_bar(),
            "Value": table_columns.decimal_column(f"Value ({formatting.currency_symbol()})", digits=2),
            "Lever": table_columns.decimal_column(digits=2, width="small"),
            "Priority": table_columns.decimal_column(digits=3, help="Propensity × value × lever"),
            "State": st.column_config.TextColumn(width="large"),
        },
        alt="The customer's offers by priority",
    )


def _draw_why(reader: OfferReader, ranked: Sequence[RankedOffer], given: int | None, customer_id: str) -> None:
    st.subheader("What drives the propensity", anchor=False)
    offers = [one.offer_id for one in ranked if one.propensity is not None]
    chosen = st.selectbox(
        "Offer",
        offers,
        index=offers.index(given) if given in offers else 0,
        format_func=reader.name,
        key="offer-explained",
        width=320,
    )
    drivers = get_services().inference.offer_drivers(customer_id, chosen)
    draw_drivers("one-offer", drivers)
