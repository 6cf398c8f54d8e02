"""The messages of all campaigns: what waits and why, what was sent, and what somebody has to decide about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import streamlit as st

from loyalty_core.access import Action, may
from loyalty_core.campaigns import list_suppressed
from loyalty_core.campaigns.sending import what_messages_wait_for
from loyalty_core.errors import LoyaltyError
from loyalty_core.events import read_backlog
from loyalty_core.services import get_services
from loyalty_core.ui import formatting, table_columns
from loyalty_core.ui.campaigns import address, wording
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.links import open_customer
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.recorder.address import open_dead_letters, open_event
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from loyalty_core.campaigns import Campaign
    from loyalty_core.campaigns.sending import Resolution, Status, Waiting, WaitsFor
    from loyalty_core.store.messages import OutboxRecord

_SHOWN = 100
_LONGEST = 255
_SUPPRESSED = "suppressed"
_STATES: dict[str, str] = {
    "waiting": "Waiting",
    "sending": "Being sent",
    "sent": "Sent",
    "in_doubt": "In doubt",
    "failed": "Failed",
    "cancelled": "Cancelled",
    _SUPPRESSED: "Suppressed",
}
_WAITS: dict[WaitsFor, str] = {
    "campaign": "The campaign is paused.",
    "due_time": "It is due {due}: quiet hours, or the time that the campaign has set.",
    "next_attempt": "It is tried again {due}.",
    "channel": "{problem}",
    "sender": "A sender has claimed it.",
    "turn": "It is due, and is sent when a sender runs and the channel's rate allows it.",
}
_DOUBT = (
    "It may have been sent: the sender ended, or lost the connection, before the answer came. "
    "Sending it again may give the customer a second copy."
)


@dataclass(frozen=True)
class _Row:
    """A message, or a customer to whom none was sent."""

    at: datetime
    campaign_id: str
    customer_id: str
    channel: str
    offer_id: int | None
    state: str
    why: str
    cause: str | None
    message: OutboxRecord | None


class _Filters(NamedTuple):
    """Which messages are shown; None or "" for all of them."""

    state: str | None
    campaign_id: str | None
    channel: str | None
    customer: str


def draw_messages() -> None:
    """Filters, which are part of the address, the table, and what can be done about the message that is chosen."""
    services = get_services()
    services.warehouse.require_every_customer("Messages")
    services.warehouse.require_rows()
    campaigns = {one.id: one for one in services.campaigns.repository.list()}
    _draw_dead_letters()
    filters = _draw_filters(campaigns)
    rows = _read(filters.state, filters.campaign_id, filters.channel, filters.customer or None)
    if not rows:
        text = (
            "No message matches. Clear a filter."
            if any(filters)
            else "No campaign has queued a message yet. Start one in the tab Campaigns."
        )
        st.info(text, icon=":material/outgoing_mail:")
        return
    chosen = _draw_table(rows, campaigns)
    if chosen is None:
        newest = f" The newest {_SHOWN} are shown." if len(rows) == _SHOWN else ""
        st.caption(f"Click a row to see what can be done about it.{newest}")
    else:
        _draw_chosen(chosen)


def _draw_filters(campaigns: Mapping[str, Campaign]) -> _Filters:
    state = st.pills(
        "State",
        list(_STATES),
        format_func=_STATES.__getitem__,
        key=address.MESSAGE_STATE,
        bind="query-params",
        label_visibility="collapsed",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        campaign_id = st.selectbox(
            "Campaign",
            list(campaigns),
            index=None,
            placeholder="All campaigns",
            format_func=lambda one: campaigns[one].name,
            key=address.MESSAGE_CAMPAIGN,
            bind="query-params",
        )
        channel = st.selectbox(
            "Channel",
            list(wording.CHANNEL_TITLES),
            index=None,
            placeholder="All channels",
            format_func=wording.channel_title,
            key=address.MESSAGE_CHANNEL,
            bind="query-params",
        )
        customer = st.text_input(
            "Customer",
            key=address.MESSAGE_CUSTOMER,
            placeholder="Id of a customer",
            max_chars=_LONGEST,
            icon=":material/person:",
            bind="query-params",
        )
    return _Filters(state, campaign_id, channel, (customer or "").strip())


def _draw_dead_letters() -> None:
    count = read_backlog(get_services().store).dead_letters
    if count and may(Action.SEND_EVENTS):
        with st.container(horizontal=True, vertical_alignment="center"):
            events = "1 event" if count == 1 else f"{formatting.count(count)} events"
            st.caption(f"{events} could not be read or applied, and so sent nothing.")
            if st.button("Open dead letters", icon=":material/build:", key="open-dead-letters"):
                open_dead_letters()


def _read(
    state: Status | str | None,
    campaign_id: str | None,
    channel: str | None,
    customer_id: str | None,
) -> list[_Row]:
    services = get_services()
    if state == _SUPPRESSED:
        found = list_suppressed(services.store, campaign_id=campaign_id, customer_id=customer_id, limit=_SHOWN)
        return [
            _Row(one.at, one.campaign_id, one.customer_id, "", one.offer_id, _SUPPRESSED, one.why, one.cause, None)
            for one in found
        ]
    status: Any = state
    messages = services.outbox.list(
        status=status, campaign_id=campaign_id, channel=channel, customer_id=customer_id, limit=_SHOWN
    )
    waiting = what_messages_wait_for(services.store, services.settings, messages)
    return [
        _Row(
            one.queued_at,
            one.campaign_id,
            one.customer_id,
            one.channel,
            one.offer_id,
            one.status,
            _why(one, waiting.get(one.id)),
            None,
            one,
        )
        for one in messages
    ]


def _why(message: OutboxRecord, waiting: Waiting | None) -> str:
    if message.status == "sent":
        return f"Sent {formatting.moment(message.sent_at)}." if message.sent_at else ""
    if waiting is None:
        return message.reason or ""
    sentence = _WAITS[waiting.waits_for].format(due=formatting.moment(message.due_at), problem=waiting.problem)
    return f"{sentence} {message.reason}" if message.reason else sentence


def _draw_table(rows: Sequence[_Row], campaigns: Mapping[str, Campaign]) -> _Row | None:
    table = pd.DataFrame(
        {
            "State": [_STATES[one.state] for one in rows],
            "Customer": [one.customer_id for one in rows],
            "Why": [one.why for one in rows],
            "Campaign": [_name(one.campaign_id, campaigns) for one in rows],
            "Offer": [wording.offer_title(one.offer_id) if one.offer_id is not None else "" for one in rows],
            "Channel": [wording.channel_title(one.channel) if one.channel else "" for one in rows],
            "Queued": [formatting.moment(one.at) for one in rows],
            "Attempts": [one.message.attempts if one.message else None for one in rows],
        }
    )
    if all(one.message is None for one in rows):
        table = table.drop(columns=["Channel", "Attempts"]).rename(columns={"Queued": "Decided"})
    found = draw_customer_rows(
        table,
        "messages",
        width="stretch",
        height="content" if len(rows) <= 12 else 470,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "Customer": st.column_config.TextColumn(width=130),
            "Why": st.column_config.TextColumn(
                width="medium" if "Attempts" in table else 300, help="Click a row to read all of it."
            ),
            "Campaign": st.column_config.TextColumn(width=150),
            "Offer": st.column_config.TextColumn(width=170),
            "Attempts": table_columns.count_column(width=80),
        },
        alt="Messages",
    )
    chosen = [row for row, _ in found.selection.cells if row < len(rows)]
    return rows[chosen[0]] if chosen else None


def _name(campaign_id: str, campaigns: Mapping[str, Campaign]) -> str:
    return campaigns[campaign_id].name if campaign_id in campaigns else campaign_id


def _draw_chosen(row: _Row) -> None:
    message = row.message
    with st.container(border=True):
        st.markdown(f"**{escape(_STATES[row.state])}** · {escape(row.customer_id)}")
        if row.why:
            st.markdown(escape(row.why))
        if message is not None:
            copies = (
                f" · possible copies {formatting.count(message.possible_copies)}" if message.possible_copies else ""
            )
            st.caption(escape(f"Message {message.id} · key {message.key}") + copies)
        with st.container(horizontal=True):
            if message is not None and message.status == "in_doubt":
                _draw_decision(message)
            _draw_ways_on(row)


def _draw_decision(message: OutboxRecord) -> None:
    refused = refusal(Action.RUN_CAMPAIGNS)
    if st.button("Send again", icon=":material/replay:", disabled=bool(refused), help=refused or _DOUBT, key="again"):
        _resolve(message, "send_again", "It is sent again.")
    if st.button("Mark as sent", icon=":material/done:", disabled=bool(refused), help=refused, key="mark-sent"):
        _resolve(message, "mark_as_sent", "It was marked as sent.")


def _draw_ways_on(row: _Row) -> None:
    if st.button("Customer", icon=":material/person:", key="message-open-customer"):
        open_customer(row.customer_id)
    cause = row.cause if row.message is None else get_services().outbox.cause(row.message.id)
    kind, _, number = (cause or "").partition(":")
    if (
        kind == "event"
        and number.isdigit()
        and st.button("Event in the Flight recorder", icon=":material/flight:", key="message-open-event")
    ):
        open_event(int(number))


def _resolve(message: OutboxRecord, resolution: Resolution, done: str) -> None:
    try:
        get_services().outbox.resolve(message.id, resolution)
    except LoyaltyError as error:
        show_error(error, retry=False)
        return
    st.toast(escape(f"Message {message.id}: {done}"), icon=":material/check:")
    st.rerun()
