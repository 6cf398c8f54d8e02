"""The widgets for a condition's values: numbers, texts with suggestions, lists, dates and spans of days."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from loyalty_core.rules.builder import OPERATORS
from loyalty_core.ui import formatting

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.rules.builder import ConditionOperator
    from loyalty_core.ui.segments.editor.nodes import ConditionNode
    from loyalty_core.warehouse import Column

# What a browser counts exactly; larger numbers are typed as text.
_LARGEST_EXACT = 2**53 - 1
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
# A longer list would be as many elements on the screen.
_MOST_LISTED = 200
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
            _draw_days(entry)
        case "number":
            _draw_number(entry)
        case "date" | "datetime":
            _draw_day(entry)
        case _ if operator.key in {"equals", "not_equals"} and entry.column.top_values:
            _draw_choice(entry)
        case _:
            _draw_text(entry)


def _draw_number(entry: _Entry) -> None:
    if isinstance(entry.value, int | float) and abs(entry.value) > _LARGEST_EXACT:
        _draw_text(entry, read=_number_in)
        return
    is_whole = _holds_whole_numbers(entry.column) and not isinstance(entry.value, float)
    as_shown: Callable[[Any], Any] = int if is_whole else float
    show_value(entry.key, None if entry.value is None else as_shown(entry.value))
    st.number_input(
        entry.label,
        value=None,
        step=as_shown(_step(entry.column, is_whole=is_whole)),
        format="%d" if is_whole else "%g",
        key=entry.key,
        width=entry.width,
        placeholder=_range_of(entry.column),
        label_visibility="collapsed",
        on_change=entry.reading(_as_typed),
    )


def _draw_days(entry: _Entry) -> None:
    show_value(entry.key, entry.value)
    st.number_input(
        entry.label,
        min_value=1,
        value=None,
        step=1,
        key=entry.key,
        placeholder="Days",
        label_visibility="collapsed",
        on_change=entry.reading(lambda days: days),
    )


def _draw_day(entry: _Entry) -> None:
    day = _day_in(entry.value)
    if entry.value is not None and day is None:
        _draw_text(entry)  # a time of day, which the calendar would lose
        return
    show_value(entry.key, day)
    st.date_input(
        entry.label,
        value=None,
        min_value=_FIRST_DAY,
        max_value=_LAST_DAY,
        key=entry.key,
        format="YYYY-MM-DD",
        width=_HALF_WIDTH,
        label_visibility="collapsed",
        on_change=entry.reading(lambda chosen: chosen.isoformat() if chosen else None),
    )


def _draw_text(entry: _Entry, read: Callable[[str], Any] = str) -> None:
    show_value(entry.key, "" if entry.value is None else str(entry.value))
    st.text_input(
        entry.label,
        key=entry.key,
        width=entry.width,
        placeholder="Text",
        label_visibility="collapsed",
        on_change=entry.reading(lambda text: read(text) if text else None),
    )


def _draw_choice(entry: _Entry) -> None:
    show_value(entry.key, entry.value)
    suggestions = _suggestions(entry.column)
    own = [entry.value] if entry.value is not None and entry.value not in suggestions else []
    st.selectbox(
        entry.label,
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
    if len(entry.value) > _MOST_LISTED:
        st.caption(f"{formatting.count(len(entry.value))} values; edit them as JSON.")
        return
    is_number = entry.column.kind == "number"
    shown = list(dict.fromkeys(str(value) for value in entry.value))
    show_value(entry.key, shown)
    st.multiselect(
        entry.label,
        [] if is_number else _suggestions(entry.column),
        key=entry.key,
        placeholder="Type a number" if is_number else "Choose or type",
        accept_new_options=True,
        select_all=False,
        wrap=True,
        width=_LINE_WIDTH,
        label_visibility="collapsed",
        on_change=entry.reading(lambda texts: _numbers_in(texts) if is_number else tuple(texts)),
    )


def _suggestions(column: Column) -> list[str]:
    return [str(value) for value, _ in column.top_values]


def _holds_whole_numbers(column: Column) -> bool:
    return isinstance(column.minimum, int) and isinstance(column.maximum, int)


def _step(column: Column, *, is_whole: bool) -> float:
    """About a hundredth of the column's range, as a power of ten."""
    span = float(column.maximum - column.minimum) if column.minimum is not None else 0.0
    step = 10.0 ** math.floor(math.log10(span / 100)) if 0 < span < math.inf else 1.0
    return max(step, 1.0) if is_whole else step


def _range_of(column: Column) -> str:
    if column.minimum is None:
        return "Number"
    return f"{formatting.value(column, column.minimum)} – {formatting.value(column, column.maximum)}"


def _as_typed(number: float | None) -> float | None:
    """5 where a field for decimals says 5.0."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _number_in(text: str) -> float | None:
    for read in (int, float):
        with suppress(ValueError, OverflowError):
            number = read(text)
            return number if math.isfinite(number) else None
    return None


def _numbers_in(texts: list[str]) -> tuple[float, ...]:
    """What of a list can be read as a number; the rest leaves the list."""
    numbers = (_number_in(text) for text in texts)
    return tuple(number for number in numbers if number is not None)


def _day_in(value: Any) -> date | None:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-01-31") else None
    except ValueError:
        return None
    return day if day is not None and _FIRST_DAY <= day <= _LAST_DAY else None
