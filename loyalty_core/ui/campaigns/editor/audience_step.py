"""Whom the campaign writes to, and what makes them enter."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.campaigns import DAYS, TRIGGERS
from loyalty_core.ui import formatting
from loyalty_core.ui.campaigns import wording
from loyalty_core.ui.campaigns.editor.fields import begin, draw_faults, draw_limit

if TYPE_CHECKING:
    from loyalty_core.campaigns import Trigger
    from loyalty_core.ui.campaigns.editor.draft import CampaignDraft

_TRIGGER_SEGMENT = {"segment_joined", "segment_left"}


def draw_audience(draft: CampaignDraft) -> None:
    """Segments that are written to, and those that are left out."""
    names = wording.segment_names()
    audience = draft.definition.audience
    included = st.multiselect(
        "Members of",
        list(names),
        format_func=names.__getitem__,
        key=begin(draft, "included", [one for one in audience.included if one in names]),
        placeholder="Everyone",
        help="Customers who are in at least one of these segments.",
    )
    excluded = st.multiselect(
        "But not members of",
        list(names),
        format_func=names.__getitem__,
        key=begin(draft, "excluded", [one for one in audience.exclude if one in names]),
        placeholder="Nobody is left out",
    )
    first, *others = included or [None]
    draft.change("audience", {"segment": first, "include": others, "exclude": excluded})
    draw_faults(draft, "audience")


def draw_trigger(draft: CampaignDraft) -> None:
    """What makes a customer enter, and how often."""
    trigger = draft.definition.trigger
    kind = st.radio(
        "A customer enters when",
        TRIGGERS,
        format_func=wording.TRIGGER_TITLES.__getitem__,
        key=begin(draft, "trigger", trigger.kind),
    )
    content: dict[str, Any] = {"kind": kind}
    if kind in _TRIGGER_SEGMENT:
        content["segment"] = _draw_segment(draft, trigger)
    elif kind == "event":
        content["event_type"] = _draw_event_type(draft, trigger)
    elif kind == "schedule":
        content |= _draw_schedule(draft, trigger)
    elif kind == "by_hand":
        st.caption("Once it is started, a button on the campaign's page writes to the whole audience.")
    draft.change("trigger", content)
    draw_faults(draft, "trigger")
    _draw_re_entry(draft)


def _draw_segment(draft: CampaignDraft, trigger: Trigger) -> str | None:
    names = wording.segment_names()
    return st.selectbox(
        "Segment",
        list(names),
        format_func=names.__getitem__,
        key=begin(draft, "trigger-segment", trigger.segment if trigger.segment in names else None),
        placeholder="Choose a segment",
    )


def _draw_event_type(draft: CampaignDraft, trigger: Trigger) -> str | None:
    titles = wording.event_titles()
    return st.selectbox(
        "Event",
        list(titles),
        format_func=titles.__getitem__,
        key=begin(draft, "trigger-event", trigger.event_type if trigger.event_type in titles else None),
        placeholder="Choose an event",
    )


def _draw_schedule(draft: CampaignDraft, trigger: Trigger) -> dict[str, Any]:
    days = st.pills(
        "Days",
        DAYS,
        format_func=lambda day: wording.DAY_TITLES[day][:3],
        selection_mode="multi",
        key=begin(draft, "days", list(trigger.days)),
        help="Every day when none is chosen.",
    )
    first, second, third = st.columns(3)
    at = first.time_input("Time", key=begin(draft, "time", time(trigger.hour, trigger.minute)), step=900)
    start_on = second.date_input(
        "From", key=begin(draft, "start-on", trigger.start_on), value=None, format=formatting.DAY_FIELD
    )
    end_on = third.date_input(
        "Until", key=begin(draft, "end-on", trigger.end_on), value=None, format=formatting.DAY_FIELD
    )
    return {
        "days": [day for day in DAYS if day in days],
        "hour": at.hour,
        "minute": at.minute,
        "start_on": _iso(start_on),
        "end_on": _iso(end_on),
    }


def _draw_re_entry(draft: CampaignDraft) -> None:
    re_entry = draft.definition.re_entry
    again = st.toggle(
        "A customer may enter again",
        key=begin(draft, "re-entry", re_entry.kind == "after_days"),
        help="Without it, nobody gets this campaign twice, however often they join the segment.",
    )
    days = re_entry.days
    if again:
        entered = draw_limit(draft, "re-entry-days", "After how many days", re_entry.days, width=200)
        days = int(entered.number) if entered.number is not None else days
    draft.change("re_entry", {"kind": "after_days" if again else "never", "days": days})
    draw_faults(draft, "re_entry")


def _iso(day: Any) -> str | None:
    return day.isoformat() if isinstance(day, date) else None
