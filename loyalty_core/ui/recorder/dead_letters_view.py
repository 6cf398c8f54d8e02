"""Dead letters: messages that could not be read or applied, to be corrected and replayed, or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from loyalty_core.access import Action, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.events import DeadLetters
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.messages import draw_error, show_error
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loyalty_core.events import DeadLetter

_SHOWN = 100
_LONGEST = 2**20


def draw_dead_letters() -> None:
    """The open ones; selecting one shows the message and what can be done. Needs SEND_EVENTS and SEE_PERSONAL_DATA."""
    require(Action.SEND_EVENTS)
    require(Action.SEE_PERSONAL_DATA)  # a message has to be read as it is to be corrected
    letters = DeadLetters.of(get_services())
    found = letters.list(_SHOWN)
    if not found:
        st.success("No message waits to be corrected.", icon=":material/check_circle:")
        return
    event = draw_customer_rows(
        _table(found),
        "dead-letters",
        width="stretch",
        height="content" if len(found) <= 8 else 320,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={"Why": st.column_config.TextColumn(width="large")},
    )
    rows = [row for row, _ in event.selection.cells]
    if rows and rows[0] < len(found):
        _draw_letter(letters, found[rows[0]])
    else:
        st.caption("Click a row to read the message, correct it and replay it, or discard it.")


def _table(found: Sequence[DeadLetter]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Received": [formatting.moment(letter.received_at) for letter in found],
            "Why": [letter.error["what"] for letter in found],
            "Customer": [letter.customer_id or "" for letter in found],
            "Source": [letter.source for letter in found],
            "Tried": [letter.attempts for letter in found],
        }
    )


def _draw_letter(letters: DeadLetters, letter: DeadLetter) -> None:
    with st.container(border=True):
        st.subheader(escape(f"Dead letter {letter.id}"), anchor=False)
        draw_error(*(letter.error.get(part, "") for part in ("what", "why", "remedy", "code")))
        place = f", {letter.position}" if letter.position else ""
        st.caption(escape(f"From {letter.source}{place}."))
        body = st.text_area("Message", letter.body, key=f"letter-{letter.id}", height=220, max_chars=_LONGEST)
        is_changed = body != letter.body
        with st.container(horizontal=True):
            if st.button(
                "Save and replay" if is_changed else "Replay", type="primary", icon=":material/replay:", key="replay"
            ):
                _change(lambda: _replay(letters, letter, body), f"Dead letter {letter.id} was put back into the queue.")
            if st.button("Save", icon=":material/save:", disabled=not is_changed, key="correct"):
                _change(
                    lambda: letters.correct(letter.id, body, if_body=letter.body), f"Message {letter.id} was saved."
                )
            if st.button("Discard", icon=":material/delete:", key="discard"):
                _change(lambda: letters.discard(letter.id), f"Dead letter {letter.id} was discarded.")


def _replay(letters: DeadLetters, letter: DeadLetter, body: str) -> None:
    if body != letter.body:
        letters.correct(letter.id, body, if_body=letter.body)
    letters.replay(letter.id)


def _change(change: Callable[[], object], done: str) -> None:
    try:
        change()
    except LoyaltyError as error:
        show_error(error, retry=False)
        return
    st.toast(escape(done), icon=":material/check:")
    st.rerun()
