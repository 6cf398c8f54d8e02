"""How the work on events goes now: what waits, what came in, what failed."""

from datetime import timedelta

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.events import EventHistory
from loyalty_core.events.backlog import Backlog, read_backlog
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.messages import more_about
from loyalty_core.ui.text import escape

POLL_SECONDS = 3.0
_MINUTE = timedelta(minutes=1)
# Events of a customer are taken together, so some wait for a moment although all is well.
_BEHIND = timedelta(seconds=30)


@fragment(run_every=POLL_SECONDS)
def draw_live() -> None:
    """Drawn again every few seconds."""
    store = get_services().store
    try:
        backlog, received = read_backlog(store), EventHistory(store).count_received(_MINUTE)
    except LoyaltyError as error:
        st.warning(escape(str(error)) + more_about(error.code), icon=":material/cloud_off:")
        return
    with st.container(horizontal=True):
        st.metric(
            "Received in the last minute",
            formatting.count(received),
            border=True,
            help="Events that were accepted, whether or not they have been applied.",
        )
        st.metric(
            "Waiting",
            formatting.count(backlog.waiting),
            border=True,
            help="Accepted and not applied yet; those that failed are tried again later.",
        )
        st.metric("Worker", _worker(backlog), border=True, help=_help(backlog))
        st.metric(
            "Open dead letters",
            formatting.count(backlog.dead_letters),
            border=True,
            help="Messages that could not be read or applied, until somebody corrects or discards them.",
        )


def _worker(backlog: Backlog) -> str:
    if backlog.oldest is not None and backlog.oldest > _BEHIND:
        return "Behind"
    return "Working" if backlog.waiting else "Up to date"


def _help(backlog: Backlog) -> str:
    if backlog.oldest is None:
        return "Nothing is due."
    seconds = formatting.count(round(backlog.oldest.total_seconds()))
    return f"The event that has been due longest has waited for {seconds} s. Start more workers, or see System health."
