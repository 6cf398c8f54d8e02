"""The audit trail, searched: who did what to which thing, when, and from where."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from loyalty_core.access import Action, require
from loyalty_core.services import services_of_process
from loyalty_core.store import audit, audit_file
from loyalty_core.ui import formatting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from loyalty_core.store.audit import AuditEvent

_MAX_SHOWN = 500
_MAX_UNSCROLLED = 15


def draw_audit() -> None:
    """The search, the events that match it, and the same as a file. Needs READ_AUDIT."""
    require(Action.READ_AUDIT)
    services = services_of_process()
    wanted = _draw_search()
    with services.store.session(read_only=True) as session:
        events = audit.search(session, wanted, limit=_MAX_SHOWN + 1)
    if not events:
        st.info("No event matches. Clear a filter, or search for something else.", icon=":material/search_off:")
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        found = len(events)
        shown = f"The newest {formatting.count(_MAX_SHOWN)}" if found > _MAX_SHOWN else formatting.count(found)
        days = services.settings.audit_days_kept
        st.caption(
            f"{shown} {'event' if found == 1 else 'events'}. Events are removed after {formatting.count(days)} days."
        )
        st.download_button(
            "Download CSV",
            lambda: _file(wanted),
            file_name="audit.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    st.dataframe(
        _table(events[:_MAX_SHOWN]),
        hide_index=True,
        width="stretch",
        height="content" if len(events) <= _MAX_UNSCROLLED else 520,
    )


def _draw_search() -> audit.Search:
    with st.container(horizontal=True):
        actor = st.text_input("Who", placeholder="Anyone", key="audit-who")
        action = st.text_input("Action", placeholder="Any", key="audit-action")
        subject = st.text_input("Subject", placeholder="Any", key="audit-subject")
        since = st.date_input("From", value=None, key="audit-since", format=formatting.DAY_FIELD)
        until = st.date_input("Until", value=None, key="audit-until", format=formatting.DAY_FIELD)
    return audit.Search(actor, action, subject, _start_of(since), _start_of(until, days=1))


def _start_of(day: date | None, days: int = 0) -> datetime | None:
    zone = services_of_process().settings.zone
    return datetime.combine(day + timedelta(days=days), time(), zone) if day else None


def _table(events: Sequence[AuditEvent]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "When": [formatting.moment(event.at) for event in events],
            "Who": [event.actor for event in events],
            "Action": [event.action for event in events],
            "Subject": [f"{event.subject_kind} {event.subject_id}".strip() for event in events],
            "Details": ["; ".join(_details(event.details)) for event in events],
            "Address": [event.place for event in events],
        }
    )


def _details(details: Mapping[str, Any]) -> Iterator[str]:
    """As people read them; files have them as JSON."""
    for name, value in details.items():
        if isinstance(value, list):
            written = ", ".join(map(str, value))
        else:
            written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"{name.replace('_', ' ')}: {'none' if value is None else written or 'none'}"


def _file(wanted: audit.Search) -> bytes:
    require(Action.READ_AUDIT)
    with services_of_process().store.session() as session:
        return audit_file.export(session, wanted)
