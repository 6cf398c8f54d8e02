"""Fields of a draft: they begin with what the draft has, also after they were out of sight for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.ui import formatting
from loyalty_core.ui.fields import Entered, Numbers, draw_fault

if TYPE_CHECKING:
    from loyalty_core.ui.campaigns.editor.draft import CampaignDraft


def begin(draft: CampaignDraft, field: str, value: Any) -> str:
    """The key of a field's widget, which begins with `value`: Streamlit forgets widgets that are not drawn."""
    key = draft.key(field)
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def draw_limit(draft: CampaignDraft, field: str, label: str, value: float | None, **options: Any) -> Entered:
    """A number that may stay blank, which means no limit."""
    numbers: Numbers = options.pop("numbers", Numbers(lowest=1, whole=True))
    key = begin(draft, field, "" if value is None else formatting.number(value, 0 if numbers.whole else 2))
    with st.container(gap="xsmall"):
        text = st.text_input(label, key=key, **options) or ""
        fault = numbers.fault(text)
        draw_fault(fault)
    return Entered(numbers.read(text), not fault)


def draw_faults(draft: CampaignDraft, *parts: str) -> None:
    """Why what was entered for these parts cannot be used."""
    for part in parts:
        if part in draft.faults:
            draw_fault(draft.faults[part].why)
