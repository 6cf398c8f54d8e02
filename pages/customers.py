"""Find a customer, then see everything the warehouse knows: profile, activity, purchases, every feature.

The customer and the search text stand in the URL, so a link shows a colleague the same thing.
"""

import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, customer, predictions
from loyalty_core.ui.frame import browser_title, page_title
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.navigation import CUSTOMER_PARAMETER


def open_customer(customer_id: object) -> None:
    st.query_params[CUSTOMER_PARAMETER] = str(customer_id)
    st.rerun()


def draw_search() -> None:
    text = st.text_input(
        "Find a customer",
        placeholder="Start of the id, or a part of the name or e-mail address",
        icon=":material/search:",
        key="q",
        max_chars=255,
        bind="query-params",
    )
    found = get_services().features.search(text) if text else cached_reads.top_customers()
    if not found:
        st.info("No customer fits. Try the first characters of the id, or a part of the name or e-mail address.")
        return
    st.caption("Click a row to open the customer." if text else "Highest revenue first. Click a row to open one.")
    chosen = customer.draw_list(found)
    if chosen is not None:
        open_customer(chosen)


def draw_customer(customer_id: str) -> None:
    browser_title(f"Customer {customer_id[:40]}")
    if st.button("All customers", icon=":material/arrow_back:", type="tertiary"):
        del st.query_params[CUSTOMER_PARAMETER]
        st.rerun()
    features = get_services().features.get(customer_id)
    customer.draw_profile(features)
    forecast, activity, everything = st.tabs(["Predictions", "Activity", "All features"])
    with forecast, errors_shown():
        predictions.draw_predictions(customer_id)
    with activity:
        customer.draw_activity(features)
    with everything:
        customer.draw_features(features)


if CUSTOMER_PARAMETER in st.query_params:
    draw_customer(st.query_params[CUSTOMER_PARAMETER])
else:
    page_title("Customers", "Look up one customer and see what the warehouse knows.")
    draw_search()
