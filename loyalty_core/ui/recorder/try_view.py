"""An event typed by hand: a dry run shows every step without changing anything; sent, it counts like any other."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from loyalty_core.access import Action, current_viewer, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.events import TYPES, BadEvent, Event, Intake
from loyalty_core.events.backlog import require_room
from loyalty_core.events.effects import Traces, dry_run
from loyalty_core.events.types import check_data
from loyalty_core.services import get_services
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.recorder.address import current_customer, show_event
from loyalty_core.ui.recorder.names import type_label
from loyalty_core.ui.recorder.trace_view import draw_trace
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

_DATA = "try-data"
_TYPE = "try-type"
_LONGEST_DATA = 20_000
_EXAMPLES: dict[str, Any] = {"string": "…", "number": 10, "integer": 1, "object": {}}


@dataclass(frozen=True)
class _Typed:
    """What was entered."""

    kind: str
    customer_id: str
    data: str

    def event(self) -> Event:
        """The event; raises `BadEvent` where the data is not that of the type, or no customer is named."""
        if not self.customer_id:
            raise BadEvent("The event names no customer.", remedy="Enter the id of a customer.")
        try:
            data = json.loads(self.data or "{}")
        except ValueError as error:
            raise BadEvent("The data is not JSON.", f"{error}.", 'Write it like {"amount": 10}.') from None
        if not isinstance(data, dict):
            raise BadEvent("The data is not a JSON object.", remedy='Write it like {"amount": 10}.')
        check_data(self.kind, data)
        now = datetime.now(UTC)
        source = f"workbench/{current_viewer().id}"[:255]
        return Event(source, uuid.uuid4().hex, self.kind, self.customer_id, now, data)


def draw_try() -> None:
    """The form, and below it the trace of the dry run."""
    typed = _draw_form()
    refused = refusal(Action.SEND_EVENTS)
    with st.container(horizontal=True, vertical_alignment="center"):
        wants_dry_run = st.button(
            "Dry run",
            type="primary",
            icon=":material/science:",
            disabled=bool(refused),
            help=refused or "Takes every step now and shows it. Nothing is changed and nothing is sent.",
        )
        with st.popover("Send for real", icon=":material/send:", disabled=bool(refused), help=refused):
            st.markdown(
                "The event is applied like any other: segments change, campaigns may **send messages to the "
                "customer**, and it cannot be taken back."
            )
            wants_to_send = st.button("Send the event", icon=":material/send:", key="try-send")
    try:
        if wants_to_send:
            _send(typed.event())
        if wants_dry_run:
            _draw_dry_run(typed.event())
        else:
            st.caption("Choose a type and a customer, and see what the event would cause.")
    except LoyaltyError as error:
        show_error(error, retry=False)


def _draw_form() -> _Typed:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox("Type of the event", list(TYPES), key=_TYPE, format_func=type_label, on_change=_set_example)
        customer = st.text_input(
            "Customer of the event",
            current_customer(),
            key="try-customer",
            placeholder="Id of a customer",
            max_chars=255,
            icon=":material/person:",
        )
    st.session_state.setdefault(_DATA, _example(kind))
    data = st.text_area("Data as JSON", key=_DATA, height=140, max_chars=_LONGEST_DATA)
    with st.expander("What the data of this type may have"):
        st.json(TYPES[kind].schema, expanded=2)
    return _Typed(kind, customer.strip(), data)


def _set_example() -> None:
    st.session_state[_DATA] = _example(st.session_state[_TYPE])


def _example(kind: str) -> str:
    """Data with what the type requires, to be filled in."""
    schema = TYPES[kind].schema
    required = [*schema.get("required", []), *next(iter(schema.get("anyOf", [])), {}).get("required", [])]
    data = {name: _value(schema["properties"][name]) for name in required}
    return json.dumps(data, indent=2, ensure_ascii=False)


def _value(schema: dict[str, Any]) -> Any:
    return _EXAMPLES.get(schema.get("type", "string"), "…")


def _draw_dry_run(event: Event) -> None:
    require(Action.SEND_EVENTS)
    traces = Traces(get_services())
    traces.require_in_scope(event.customer_id)
    with st.spinner("Taking the steps …"):
        trace = traces.shown(dry_run(event))
    st.badge("Dry run: nothing was changed", icon=":material/science:", color="violet")
    draw_trace(trace)


def _send(event: Event) -> None:
    require(Action.SEND_EVENTS)
    services = get_services()
    services.warehouse.require_every_customer("Events that are sent")
    require_room(services.store, services.settings.events_max_waiting)
    (row,) = Intake.of(services.store, services.settings).accept([event]).accepted
    st.toast(escape(f"Event {row} was sent."), icon=":material/send:")
    show_event(row)
