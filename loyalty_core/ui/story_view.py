"""A customer's story on their page: events, segments joined and left, messages and outcomes, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.campaigns import reason_in_words
from loyalty_core.events.effects import read_story
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.recorder.address import open_event
from loyalty_core.ui.recorder.names import STATES, type_label
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.events.effects import Moment

_PAGE = 20
_MESSAGES = {
    "waiting": "waits to be sent",
    "sending": "is being sent",
    "sent": "was sent",
    "failed": "could not be sent",
    "in_doubt": "may have been sent",
    "cancelled": "was cancelled",
}
_CHANNELS: dict[str | None, str] = {"email": "e-mail", "log": "the log"}
_ICONS: dict[str, tuple[str, Any]] = {
    "event": (":material/bolt:", "blue"),
    "joined": (":material/login:", "green"),
    "left": (":material/logout:", "orange"),
    "entry": (":material/do_not_disturb_on:", "gray"),
    "message": (":material/outgoing_mail:", "violet"),
    "outcome": (":material/ads_click:", "primary"),
}


def draw_story(customer_id: str) -> None:
    """The latest moments, and earlier ones on demand."""
    shown = f"story-shown-{customer_id}"
    limit = st.session_state.setdefault(shown, _PAGE)
    found = read_story(get_services(), customer_id, limit + 1)
    if not found:
        st.info("Nothing has happened yet: no event, no change of a segment, no message.", icon=":material/history:")
        return
    day = ""
    for moment in found[:limit]:
        if (today := formatting.moment(moment.at).partition(",")[0]) != day:
            day = today
            st.caption(f"**{escape(day)}**")
        _draw_moment(moment)
    if len(found) > limit and st.button("Show earlier", icon=":material/expand_more:", key="story-earlier"):
        st.session_state[shown] = limit + _PAGE
        st.rerun()


def _draw_moment(moment: Moment) -> None:
    icon, color = _ICONS[moment.how if moment.kind == "segment" else moment.kind]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        # In one badge, since a second one would be on a line of its own on a phone.
        time = formatting.moment(moment.at).partition(", ")[2] + (" · simulated" if moment.is_simulated else "")
        st.badge(escape(time, in_badge=True), icon=icon, color=color)
        st.markdown(escape(_sentence(moment)), width="content")
        key = f"story-{moment.kind}-{moment.place.row}"
        if moment.event is not None and st.button("Steps", icon=":material/route:", type="tertiary", key=key):
            open_event(moment.event)


def _sentence(moment: Moment) -> str:
    match moment.kind:
        case "event":
            return f"{type_label(moment.what)}: {STATES.get(moment.how, moment.how).lower()}"
        case "segment":
            return f"{moment.how.capitalize()} {moment.what}"
        case "entry":
            return f"{moment.what}: {_why_not(moment)}"
        case "message":
            why = f" ({moment.reason.rstrip('.')})" if moment.reason else ""
            channel = _CHANNELS.get(moment.channel, moment.channel)
            status = _MESSAGES.get(moment.how, moment.how)
            return f"{moment.what}: message {status} by {channel}{_offer(moment)}{why}"
        case "outcome":
            return f"{moment.what}: {moment.how}{_offer(moment)}"


def _why_not(moment: Moment) -> str:
    if moment.how == "holdout":
        return "is in the holdout"
    return f"got no message: {reason_in_words(moment.reason, moment.what)}" if moment.reason else moment.how


def _offer(moment: Moment) -> str:
    if moment.offer_id is None:
        return ""
    name = cached_reads.offer_names().get(moment.offer_id)
    return f" with the offer {name}" if name else f" with offer {moment.offer_id}"
