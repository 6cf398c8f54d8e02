"""A field for a number, which refuses what is not one instead of guessing what was meant.

Streamlit's own number field drops the characters that do not fit: `10,90` becomes 1090.
"""

from typing import Any

import streamlit as st

from loyalty_core.ui import formatting
from loyalty_core.ui.messages import escape


def draw_number(
    label: str,
    start: float,
    *,
    key: str,
    lowest: float | None = None,
    highest: float | None = None,
    whole: bool = False,
    width: int = 200,
    **options: Any,
) -> float | None:
    """The number entered, in the viewer's locale; None, with the reason below the field, when it cannot be used.

    `options` are passed to `st.text_input`.
    """
    with st.container(width=width, gap="xsmall"):
        text = st.text_input(label, formatting.number(start), key=key, **options)
        number = formatting.read_number(text)
        fault = _fault(text, number, lowest, highest, whole=whole)
        if fault:
            st.caption(f":red[{escape(fault)}]")
    return None if fault else number


def _fault(text: str, number: float | None, lowest: float | None, highest: float | None, *, whole: bool) -> str:
    if not text.strip():
        return "Enter a number."
    if number is None:
        return f"“{text.strip()}” is not a number. Write it like {formatting.number(1234.5)}."
    if whole and number != int(number):
        return "Enter a whole number."
    if lowest is not None and number < lowest:
        return f"Enter {formatting.number(lowest)} or more."
    if highest is not None and number > highest:
        return f"Enter {formatting.number(highest)} or less."
    return ""
