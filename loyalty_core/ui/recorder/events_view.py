"""The recent events, filtered, to choose one from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import streamlit as st

from loyalty_core.events import TYPES, EventHistory
from loyalty_core.events.effects import Traces
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.recorder.address import CUSTOMER, current_customer, show_event
from loyalty_core.ui.recorder.live_view import POLL_SECONDS
from loyalty_core.ui.recorder.names import STATES, type_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loyalty_core.events import StoredEvent

_SHOWN = 50
_LONGEST = 255


class _Filters(NamedTuple):
    """Which events are shown; None or "" for all of them."""

    customer: str
    kind: str | None
    campaign_id: str | None
    state: str | None


def draw_events() -> None:
    """Filters and the table; a click on a row opens the event."""
    chosen = _draw_filters()
    if chosen.customer != current_customer():
        if chosen.customer:
            st.query_params[CUSTOMER] = chosen.customer
        else:
            del st.query_params[CUSTOMER]
    services, traces = get_services(), Traces(get_services())
    services.warehouse.require_rows()
    if chosen.customer:
        traces.require_in_scope(chosen.customer)
    else:
        services.warehouse.require_every_customer("The events of all customers")
    read = partial(
        EventHistory(services.store).list,
        _SHOWN,
        customer_id=chosen.customer or None,
        kind=chosen.kind,
        status=chosen.state,
        campaign_id=chosen.campaign_id,
    )
    events = read()
    _draw_newer(events[0].id if events else 0, read)
    if events:
        _draw_table(events, traces.outcomes([event.id for event in events]))
    else:
        _draw_nothing(is_filtered=any(chosen))


def _draw_filters() -> _Filters:
    campaigns = {one.id: one.name for one in get_services().campaigns.repository.list()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        customer = st.text_input(
            "Customer",
            current_customer(),
            key="recorder-customer",
            placeholder="Id of a customer",
            max_chars=_LONGEST,
            icon=":material/person:",
        ).strip()
        kind = st.selectbox(
            "Type", list(TYPES), index=None, key="recorder-type", placeholder="All types", format_func=type_label
        )
        campaign_id = st.selectbox(
            "Campaign",
            list(campaigns),
            index=None,
            key="recorder-campaign",
            placeholder="All campaigns",
            format_func=campaigns.__getitem__,
            help="Events by which customers entered the campaign, whether or not they got a message.",
        )
        state = st.segmented_control("State", list(STATES), key="recorder-state", format_func=STATES.__getitem__)
    return _Filters(customer, kind, campaign_id, state)


def _draw_table(events: Sequence[StoredEvent], outcomes: Mapping[int, str]) -> None:
    found = draw_customer_rows(
        _table(events, outcomes),
        "recorder-events",
        width="stretch",
        height="content" if len(events) <= 12 else 470,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "State": st.column_config.TextColumn(width=75),
            "Outcome": st.column_config.TextColumn(width=390),
            "Customer": st.column_config.TextColumn(width=130),
            "Event": st.column_config.TextColumn(width=70),
        },
    )
    rows = [row for row, _ in found.selection.cells]
    if rows and rows[0] < len(events):
        show_event(events[rows[0]].id)
    st.caption("Click a row to see every step." + (f" The newest {_SHOWN} are shown." if len(events) == _SHOWN else ""))


@fragment(run_every=POLL_SECONDS)
def _draw_newer(newest: int, read: Callable[[], Sequence[StoredEvent]]) -> None:
    """A button for events that came in since: a table that moved under the pointer would open another event."""
    with errors_shown():
        newer = sum(event.id > newest for event in read())
        if newer and newest == 0:
            st.rerun()
        if newer:
            count = f"{_SHOWN} or more" if newer == _SHOWN else formatting.count(newer)
            if st.button(f"Show {count} new events", icon=":material/refresh:", key="recorder-newer", type="tertiary"):
                st.rerun()


def _table(events: Sequence[StoredEvent], outcomes: Mapping[int, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Received": [formatting.moment(event.received_at) for event in events],
            "Type": [type_label(event.type) for event in events],
            "State": [STATES[event.status] for event in events],
            "Outcome": [outcomes.get(event.id, "") for event in events],
            "Customer": [event.customer_id for event in events],
            "Event": [str(event.id) for event in events],
        }
    )


def _draw_nothing(*, is_filtered: bool) -> None:
    if is_filtered:
        st.info("No event matches. Clear a filter, or look for another customer.", icon=":material/search_off:")
        return
    send = "Play simulated events, or send" if cached_reads.source().is_demo else "Send"
    st.info(
        f"No events have come in yet. {send} one in the tab “Try an event”, by the API (POST events/), or from Kafka.",
        icon=":material/inbox:",
    )
