"""Why a customer is in a segment or not: the rule as a tree with the actual values, and what would reverse it."""

from collections.abc import Iterator, Mapping

import streamlit as st

from loyalty_core.rules import Explanation
from loyalty_core.segments import Segment
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.customer_search import draw_search_field
from loyalty_core.ui.segments.address import CUSTOMER
from loyalty_core.ui.text import escape
from loyalty_core.ui.work_slots import evaluation_slot
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.connection import Row

_INDENT = "&emsp;"
_MAX_FOUND = 8
_TEXT, _WHICH = "why-customer", "why-which"


def draw_why(segment: Segment) -> None:
    """Choose a customer, and see each condition of the rule; the address has the customer's id."""
    chosen = _choose()
    if chosen is None:
        st.query_params.pop(CUSTOMER, None)
        st.caption("Choose any customer, member or not, to see the rule with that customer's values.")
        return
    st.query_params[CUSTOMER] = chosen
    with evaluation_slot():
        selection = get_services().segmentation.select(segment.rule)
        explanation = selection.explain(chosen)
    _draw_outcome(explanation, segment)
    fields = {field.name: field for field in selection.fields.columns}
    with st.container(border=True, gap="xsmall"):
        for depth, part in _walk(explanation):
            _draw_part(depth, part, fields)


def _choose() -> str | None:
    text = draw_search_field(
        "Customer", _TEXT, start=st.query_params.get(CUSTOMER, ""), icon=":material/person_search:"
    )
    if not text:
        return None
    found = get_services().features.search(text, _MAX_FOUND)
    identifier = get_services().settings.dwh_customer_id_column
    if not found:
        st.info("No customer matches. Try the first characters of the id, or words of the name or e-mail address.")
        return None
    ids = [str(row[identifier]) for row in found]
    if text in ids or len(ids) == 1:
        return text if text in ids else ids[0]
    labels = {str(row[identifier]): _label(row) for row in found}
    st.radio("Which one?", ids, index=None, format_func=labels.__getitem__, key=_WHICH, on_change=_take_the_one_chosen)
    return None


def _take_the_one_chosen() -> None:
    """Put the chosen id into the search field."""
    st.session_state[_TEXT] = st.session_state[_WHICH]


def _label(row: Row) -> str:
    names = [str(row[name]) for name in get_services().features.name_columns() if row.get(name)]
    return escape(" · ".join([*names[:2], str(row[get_services().settings.dwh_customer_id_column])]))


def _draw_outcome(explanation: Explanation, segment: Segment) -> None:
    name = escape(segment.name)
    if explanation.holds:
        st.success(f"**In {name}.**", icon=":material/check_circle:")
    else:
        st.error(f"**Not in {name}.**", icon=":material/cancel:")
    if explanation.change:
        st.markdown("**The smallest change that would reverse this**")
        for change in explanation.change:
            st.markdown(f"- {escape(change.sentence)}")


def _walk(explanation: Explanation, depth: int = 0) -> Iterator[tuple[int, Explanation]]:
    yield depth, explanation
    for child in explanation.children:
        yield from _walk(child, depth + 1)


def _draw_part(depth: int, part: Explanation, fields: Mapping[str, Column]) -> None:
    icon = ":green[:material/check:]" if part.holds else ":red[:material/close:]"
    word = "true" if part.holds else "false"
    values = ", ".join(
        f"{fields[name].label}: {formatting.value(fields[name], part.actual[name])}" for name in part.actual
    )
    actual = f" :gray[— {escape(values)}]" if values else ""
    st.markdown(f"{_INDENT * 2 * depth}{icon} {escape(part.sentence)} :gray[({word})]{actual}")
