"""Fields that keep what was typed and say below it why it cannot be used.

Streamlit's own number field drops the characters that do not fit, so that `10,90` becomes 1090; its limit of characters
cuts off the end of a text that is pasted.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import streamlit as st

from loyalty_core.ui import formatting
from loyalty_core.ui.text import escape

Width = int | Literal["stretch"]


@dataclass(frozen=True)
class Numbers:
    """Which numbers a field takes; both ends belong to them."""

    lowest: float | None = None
    highest: float | None = None
    whole: bool = False

    def read(self, text: str) -> float | None:
        """The number that a text is in the viewer's locale, an int without decimals; None for what is refused."""
        return None if self.fault(text) else formatting.read_number(text)

    def fault(self, text: str) -> str:
        """Why a text is refused; "" when it can be used or is blank."""
        number = formatting.read_number(text)
        if not text.strip():
            return ""
        if number is None:
            example = formatting.number(1234 if self.whole else 1234.5)
            return f"“{text.strip()}” is not a number. Write it like {example}."
        if self.whole and number != int(number):
            return "Enter a whole number."
        if self.lowest is not None and number < self.lowest:
            return f"Enter {formatting.number(self.lowest)} or more."
        if self.highest is not None and number > self.highest:
            return f"Enter {formatting.number(self.highest)} or less."
        return ""


class Entered(NamedTuple):
    """What is in a field that may stay blank: `number` is None when it is blank, and when it is refused."""

    number: float | None
    is_valid: bool


def draw_number(
    label: str,
    start: float,
    *,
    key: str,
    lowest: float | None = None,
    highest: float | None = None,
    whole: bool = False,
    width: Width = 200,
    **options: Any,
) -> float | None:
    """The number entered, in the viewer's locale; None, with the reason below the field, when it cannot be used.

    `options` are passed to `st.text_input`.
    """
    numbers = Numbers(lowest, highest, whole)
    with st.container(width=width, gap="xsmall"):
        text = st.text_input(label, formatting.number(start), key=key, **options)
        draw_fault(numbers.fault(text) or ("" if text.strip() else "Enter a number."))
    return numbers.read(text)


def draw_optional_number(label: str, *, key: str, numbers: Numbers, **options: Any) -> Entered:
    """A field that may stay blank; the reason is below it when its text cannot be used."""
    with st.container(gap="xsmall"):
        text = st.text_input(label, "", key=key, **options)
        fault = numbers.fault(text)
        draw_fault(fault)
    return Entered(numbers.read(text), not fault)


def draw_text(label: str, value: str = "", *, longest: int, key: str, **options: Any) -> str:
    """The text entered, however long; the reason is below the field when it is longer than the limit."""
    with st.container(gap="xsmall"):
        text = st.text_input(label, value, key=key, **options)
        draw_fault(length_fault(text, longest))
    return text


def length_fault(text: str, longest: int) -> str:
    """Why a text is too long; "" when it is not."""
    if len(text) <= longest:
        return ""
    return f"Use at most {formatting.count(longest)} characters; this has {formatting.count(len(text))}."


def draw_fault(fault: str) -> None:
    """A reason, in place; nothing for ""."""
    if fault:
        st.caption(f":red[{escape(fault)}]")
