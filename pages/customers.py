"""Find a customer, then see everything the warehouse knows: profile, activity, purchases, every feature.

The URL holds the customer or the search text, so a link shows a colleague the same thing.
"""

import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui import customer, predictions
from loyalty_core.ui.customer_search import draw_search
from loyalty_core.ui.frame import browser_title, page_title
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.navigation import CUSTOMER_PARAMETER
from loyalty_core.ui.story_view import draw_story


def open_customer(customer_id: object) -> None:
    st.query_params[CUSTOMER_PARAMETER] = str(customer_id)
    st.rerun()


def draw_customer(customer_id: str) -> None:
    browser_title(f"Customer {customer_id[:40]}")
    if st.button("All customers", icon=":material/arrow_back:", type="tertiary"):
        del st.query_params[CUSTOMER_PARAMETER]
        st.rerun()
    features = get_services().features.get(customer_id)
    customer.draw_profile(features)
    forecast, activity, everything, story = st.tabs(
        ["Predictions", "Activity", "All features", "Story"], key="view", bind="query-params"
    )
    with forecast, errors_shown():
        predictions.draw_predictions(customer_id)
    with activity:
        customer.draw_activity(features)
    with everything:
        customer.draw_features(features)
    if story.open:
        with story, errors_shown():
            draw_story(customer_id)


if CUSTOMER_PARAMETER in st.query_params:
    draw_customer(st.query_params[CUSTOMER_PARAMETER])
else:
    page_title("Customers", "Look up one customer and see what the warehouse knows.")
    if (chosen := draw_search()) is not None:
        open_customer(chosen)
