"""Where the viewer is on the Flight recorder, as part of the address, so that a link shows a colleague the same."""

import streamlit as st

from loyalty_core.ui.navigation import FLIGHT_RECORDER

EVENT = "event"
CUSTOMER = "customer"
VIEW = "view"


def current_event() -> int | None:
    """The event that the address asks for."""
    asked = st.query_params.get(EVENT, "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None


def current_customer() -> str:
    """The customer whose events the address asks for, blank for all."""
    return st.query_params.get(CUSTOMER, "")


def open_event(event: int) -> None:
    """Show the trace of an event, from this screen or another."""
    st.switch_page(f"pages/{FLIGHT_RECORDER.file}", query_params={EVENT: str(event)})


def open_list(customer_id: str = "") -> None:
    """Show the list of events."""
    parameters = {CUSTOMER: customer_id} if customer_id else {}
    st.switch_page(f"pages/{FLIGHT_RECORDER.file}", query_params=parameters)
