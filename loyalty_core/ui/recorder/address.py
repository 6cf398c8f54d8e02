"""Where the viewer is on the Flight recorder, as part of the address, so that a link shows a colleague the same."""

import streamlit as st

from loyalty_core.ui.navigation import FLIGHT_RECORDER

EVENT = "event"
CUSTOMER = "customer"
VIEW = "view"
EVENTS, ATTEMPT, DEAD_LETTERS = "Events", "Try an event", "Dead letters"


def current_event() -> int | None:
    """The event that the address asks for."""
    asked = st.query_params.get(EVENT, "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None


def current_customer() -> str:
    """The customer whose events the address asks for, blank for all."""
    return st.query_params.get(CUSTOMER, "")


def show_event(event: int) -> None:
    """Show the trace of an event on this screen."""
    _go(**{EVENT: str(event)})


def show_list() -> None:
    """Show the list of events on this screen, whichever tab was open before."""
    st.session_state.pop(VIEW, None)
    _go(**{VIEW: EVENTS})


def open_event(event: int) -> None:
    """Show the trace of an event, from another screen."""
    st.switch_page(f"pages/{FLIGHT_RECORDER.file}", query_params={EVENT: str(event)})


def open_dead_letters() -> None:
    """Show the dead letters, from another screen."""
    st.session_state.pop(VIEW, None)
    st.switch_page(f"pages/{FLIGHT_RECORDER.file}", query_params={VIEW: DEAD_LETTERS})


def _go(**parameters: str) -> None:
    st.query_params.from_dict(parameters)
    st.rerun()
