"""The widgets for a condition's values: numbers, texts with suggestions, lists, dates and spans of days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from loyalty_core.rules.builder import OPERATORS
from loyalty_core.ui import formatting
from loyalty_core.ui.fields import Numbers, draw_fault
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.rules.builder import ConditionOperator
    from loyalty_core.ui.segments.editor.nodes import ConditionNode
    from loyalty_core.warehouse import Column

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
# A longer list would be as many elements on the screen.
_MAX_LISTED = 200
# Pixels. A day needs as much to be read in full; two values go to the next line together, a list always does.
_HALF_WIDTH, _PAIR_WIDTH, _LINE_WIDTH = 162, 332, 640
_NOT_SHOWN = object()


@dataclass(frozen=True)
class _Entry:
    """One value to fill in: its widget's key and label, what it is now, and where an edit goes."""

    key: str
    label: str
    value: Any
    column: Column
    edit: Callable[[Any], None]
    width: int | Literal["stretch"] = "stretch"

    def reading(self, read: Callable[[Any], Any]) -> Callable[[], None]:
        """A widget's callback: what it holds, read as a value."""
        return lambda: self.edit(read(st.session_state[self.key]))


def show_value(key: str, value: Any) -> None:
    """Have a widget show the draft's value, also after an undo; a widget that already does is left alone."""
    if st.session_state.get(key, _NOT_SHOWN) != value:
        st.session_state[key] = value


def draw_values(
    condition: ConditionNode,
    column: Column,
    name: str,
    *,
    set_all: Callable[[tuple[Any, ...]], None],
    set_one: Callable[[int, Any], None],
) -> None:
    """The widgets for the values of the condition's operator; an edit sets all values or the one at an index."""
    operator = OPERATORS.get(condition.operator or "")
    if operator is None or operator.values == 0:
        return
    key = f"{condition.id}-{operator.value_kind or column.kind}"
    if operator.values is None:
        _draw_list(_Entry(f"{key}-list", f"Values of {name}", condition.values, column, set_all))
        return
    values = condition.values + (None,) * (operator.values - len(condition.values))
    if operator.values == 1:
        _draw_value(_Entry(key, f"Value of {name}", values[0], column, partial(set_one, 0)), operator)
        return
    with st.container(horizontal=True, gap="xsmall", width=_PAIR_WIDTH):
        for position, end in enumerate(("Lowest", "Highest")):
            label, edit = f"{end} value of {name}", partial(set_one, position)
            _draw_value(_Entry(f"{key}-{position}", label, values[position], column, edit, _HALF_WIDTH), operator)


def _draw_value(entry: _Entry, operator: ConditionOperator) -> None:
    match operator.value_kind or entry.column.kind:
        case "days":
            _draw_number(entry, Numbers(lowest=1, whole=True), "Days")
        case "number":
            _draw_number(entry, Numbers(), _range_of(entry.column))
        case "date" | "datetime":
            _draw_day(entry)
        case _ if operator.key in {"equals", "not_equals"} and entry.column.top_values:
            _draw_choice(entry)
        case _:
            _draw_text(entry)


def _draw_number(entry: _Entry, numbers: Numbers, placeholder: str) -> None:
    """A text that is no number stays in the field, and the condition has no value."""
    typed = st.session_state.get(entry.key)
    if typed is None or numbers.read(typed) != entry.value:
        show_value(entry.key, "" if entry.value is None else _written(entry.value))
    with st.container(width=entry.width, gap="xxsmall"):
        text = st.text_input(
            escape(entry.label),
            key=entry.key,
            placeholder=placeholder,
            label_visibility="collapsed",
            on_change=entry.reading(lambda text: _as_typed(numbers.read(text))),
        )
        draw_fault(numbers.fault(text))


def _draw_day(entry: _Entry) -> None:
    day = _day_in(entry.value)
    if entry.value is not None and day is None:
        _draw_text(entry)  # a time of day, which the calendar would lose
        return
    show_value(entry.key, day)
    st.date_input(
        escape(entry.label),
        value=None,
        min_value=_FIRST_DAY,
        max_value=_LAST_DAY,
        key=entry.key,
        format=formatting.DAY_FIELD,
        width=_HALF_WIDTH,
        label_visibility="collapsed",
        on_change=entry.reading(lambda chosen: chosen.isoformat() if chosen else None),
    )


def _draw_text(entry: _Entry) -> None:
    show_value(entry.key, "" if entry.value is None else str(entry.value))
    st.text_input(
        escape(entry.label),
        key=entry.key,
        width=entry.width,
        placeholder="Text",
        label_visibility="collapsed",
        on_change=entry.reading(lambda text: text or None),
    )


def _draw_choice(entry: _Entry) -> None:
    show_value(entry.key, entry.value)
    suggestions = _suggestions(entry.column)
    own = [entry.value] if entry.value is not None and entry.value not in suggestions else []
    st.selectbox(
        escape(entry.label),
        suggestions + own,
        index=None,
        key=entry.key,
        format_func=lambda text: text or "(empty text)",
        placeholder="Choose or type",
        accept_new_options=True,
        label_visibility="collapsed",
        on_change=entry.reading(lambda text: text),
    )


def _draw_list(entry: _Entry) -> None:
    if len(entry.value) > _MAX_LISTED:
        st.caption(f"{formatting.count(len(entry.value))} values; edit them as JSON.")
        return
    is_number = entry.column.kind == "number"
    show_value(entry.key, list(dict.fromkeys(map(_written, entry.value))))
    with st.container(width=_LINE_WIDTH, gap="xxsmall"):
        st.multiselect(
            escape(entry.label),
            [] if is_number else _suggestions(entry.column),
            key=entry.key,
            placeholder="Type a number" if is_number else "Choose or type",
            accept_new_options=True,
            select_all=False,
            wrap=True,
            label_visibility="collapsed",
            on_change=entry.reading(lambda texts: _take_numbers(entry.key, texts) if is_number else tuple(texts)),
        )
        draw_fault(st.session_state.get(_refused(entry.key), ""))


def _take_numbers(key: str, texts: list[str]) -> tuple[float, ...]:
    """The numbers of a list; what is not one is not taken, and the field says so."""
    numbers = {text: _as_typed(Numbers().read(text)) for text in texts}
    st.session_state[_refused(key)] = " ".join(Numbers().fault(text) for text in texts if numbers[text] is None)
    return tuple(number for number in numbers.values() if number is not None)


def _refused(key: str) -> str:
    return f"{key}-refused"


def _written(value: Any) -> str:
    return formatting.number(value) if isinstance(value, int | float) else str(value)


def _suggestions(column: Column) -> list[str]:
    return [str(value) for value, _ in column.top_values]


def _range_of(column: Column) -> str:
    if column.minimum is None:
        return "Number"
    return f"{formatting.value(column, column.minimum)} – {formatting.value(column, column.maximum)}"


def _as_typed(number: float | None) -> float | None:
    """5 for 5.0, as people mean it."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _day_in(value: Any) -> date | None:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-01-31") else None
    except ValueError:
        return None
    return day if day is not None and _FIRST_DAY <= day <= _LAST_DAY else None
