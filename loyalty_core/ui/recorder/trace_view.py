"""One event: the outcome in a sentence, what it changed, and every step with input, output and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.events import EventHistory
from loyalty_core.events.effects import MESSAGE_QUEUED, TraceNotFound, Traces
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.links import open_customer
from loyalty_core.ui.messages import more_about
from loyalty_core.ui.recorder.address import show_list
from loyalty_core.ui.recorder.names import SEQUELS, STATE_ICONS, STATES, type_label
from loyalty_core.ui.recorder.steps import draw_steps
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.events import StoredEvent
    from loyalty_core.events.effects import Trace

_POLL_SECONDS = 1.0
# A smaller change of the score is shown as none.
_SHOWN_POINTS = 0.05


def draw_event(number: int) -> None:
    """The event of the address; while it waits, the page looks again every second."""
    services = get_services()
    event = EventHistory(services.store).get(number)
    Traces(services).require_event_in_scope(number, event.customer_id)
    _draw_heading(event)
    if event.status == "waiting":
        fragment(run_every=_POLL_SECONDS)(_draw_waiting)(number)
        return
    if event.status == "dead":
        st.error("This event could not be applied. The tab “Dead letters” says why.", icon=":material/error:")
        return
    try:
        trace = Traces(services).get(number)
    except TraceNotFound as error:
        st.info(escape(str(error)) + more_about(error.code), icon=":material/history_toggle_off:")
        return
    draw_trace(trace)


def draw_trace(trace: Trace) -> None:
    """The outcome, what changed, and the steps."""
    if any(step.name == MESSAGE_QUEUED for step in trace.steps):
        st.success(escape(trace.outcome), icon=":material/outgoing_mail:")
    else:
        st.info(escape(trace.outcome), icon=":material/unsubscribe:")
    _draw_changes(trace)
    draw_steps(trace.steps)
    st.caption(
        f"{formatting.decimal(trace.milliseconds, 1)} ms in all. Events that come together are read, predicted and "
        "evaluated together; the time of a step is that of all of them."
    )


def _draw_heading(event: StoredEvent) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(escape(type_label(event.type)), anchor=False, width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            if st.button("All events", icon=":material/arrow_back:", type="tertiary"):
                show_list()
            if st.button("Customer", icon=":material/person:", type="tertiary"):
                open_customer(event.customer_id)
    with st.container(horizontal=True, gap="small"):
        st.badge(STATES[event.status], icon=STATE_ICONS[event.status], color=_color(event.status))
        if event.sequel in SEQUELS:
            st.badge(SEQUELS[event.sequel], icon=":material/low_priority:", color="orange")
        if event.is_simulated:
            st.badge("Simulated", icon=":material/science:", color="violet")
    st.caption(
        escape(
            f"Event {event.id} of customer {event.customer_id}, from {event.source}. Happened "
            f"{formatting.moment(event.occurred_at)}, received {formatting.moment(event.received_at)}."
        )
    )


def _color(state: str) -> Any:
    return {"waiting": "blue", "done": "green", "dead": "red"}[state]


def _draw_waiting(number: int) -> None:
    try:
        is_waiting = EventHistory(get_services().store).get(number).status == "waiting"
    except LoyaltyError as error:
        st.warning(escape(str(error)) + more_about(error.code), icon=":material/cloud_off:")
        return
    if not is_waiting:
        st.rerun()
    st.info("Waiting to be applied. The steps appear here once they have been taken.", icon=":material/schedule:")


def _draw_changes(trace: Trace) -> None:
    """The score before and after, and the segments joined and left."""
    names = _names_of_segments(trace)
    scores = trace.scores
    with st.container(horizontal=True):
        if scores is not None and scores.after is not None:
            points = 0.0 if scores.before is None else 100 * (scores.after - scores.before)
            st.metric(
                "Churn probability",
                formatting.percent(scores.after, 1),
                border=True,
                height="stretch",
                delta=f"{formatting.signed(points, 1)} pts" if abs(points) >= _SHOWN_POINTS else None,
                delta_color="red" if points > 0 else "green",
                delta_arrow=formatting.arrow(points),
                help=None if scores.before is None else f"It was {formatting.percent(scores.before, 1)} before.",
            )
        changed = _changed_columns(trace)
        st.metric(
            "Features changed",
            "–" if changed is None else formatting.count(changed),
            border=True,
            height="stretch",
            help="Columns of the customer that differ after the event.",
        )
        st.metric(
            "Segments joined",
            formatting.count(len(trace.segments_joined)),
            border=True,
            height="stretch",
            help="Segments whose rule the customer has matched since the event.",
        )
        st.metric(
            "Segments left",
            formatting.count(len(trace.segments_left)),
            border=True,
            height="stretch",
            help="Segments whose rule the customer no longer matches since the event.",
        )
    with st.container(horizontal=True, gap="small"):
        for segment_id in trace.segments_joined:
            name = names.get(segment_id, segment_id)
            st.badge(escape(f"Joined {name}", in_badge=True), icon=":material/login:", color="green")
        for segment_id in trace.segments_left:
            name = names.get(segment_id, segment_id)
            st.badge(escape(f"Left {name}", in_badge=True), icon=":material/logout:", color="orange")


def _names_of_segments(trace: Trace) -> dict[str, str]:
    moved = [one for step in trace.steps for name in ("joined", "left") for one in step.output.get(name, ())]
    return {one["id"]: one["name"] for one in moved}


def _changed_columns(trace: Trace) -> int | None:
    """How many features differ from the cached ones; None where none were cached."""
    found = {step.name: step.output for step in trace.steps}
    if not found.get("Cache invalidated", {}).get("was_cached"):
        return None
    return len(found.get("Features fetched", {}).get("changed", ()))
