"""Which offer suits whom, what it is worth, and who gets what once levers, caps and eligibility apply.

The URL holds the customers in scope, the tab and the policy being tried, so a link shows a colleague the same.
"""

import streamlit as st

from loyalty_core.analytics.scope import ScopedBase
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.offers.arbitration_view import draw_arbitration
from loyalty_core.ui.offers.customer_view import draw_customer
from loyalty_core.ui.offers.mix_view import draw_key_figures, draw_mix, draw_no_offers
from loyalty_core.ui.offers.policy_state import open_draft
from loyalty_core.ui.offers.queries import OfferReader, default_policy
from loyalty_core.ui.scope_bar import draw_scope

OFFERS, ARBITRATION, CUSTOMER = "Offers", "Arbitration", "One customer"


def draw_analysis(base: ScopedBase) -> None:
    reader = OfferReader.of(base)
    mix = reader.mix()
    if not mix.with_offer:
        draw_no_offers(mix)
        return
    draw_key_figures(reader, mix)
    draft = open_draft(default_policy(mix))
    offers, arbitration, customer = st.tabs([OFFERS, ARBITRATION, CUSTOMER], key="view", bind="query-params")
    if offers.open:
        with offers, errors_shown():
            draw_mix(reader, mix)
    if arbitration.open:
        with arbitration:
            draw_arbitration(reader, draft)
    if customer.open:
        with customer, errors_shown():
            draw_customer(reader, draft)


page_title("Next best offer", "Which offer suits whom, what it is worth, and who gets what when offers compete.")
in_scope = draw_scope()
if in_scope is not None:
    draw_analysis(in_scope)
