"""The members of a segment, page by page, and all of them as a file."""

import math
from urllib.parse import quote

import pandas as pd
import streamlit as st

from loyalty_core.segments import Segment
from loyalty_core.segments.export import FORMATS, Format
from loyalty_core.services import get_services
from loyalty_core.ui import format
from loyalty_core.ui.customer import list_columns
from loyalty_core.ui.navigation import CUSTOMERS
from loyalty_core.warehouse import Column

_PAGE = 25
_FORMAT_NAMES: dict[Format, str] = {"csv": "CSV", "parquet": "Parquet"}


def draw_members(segment: Segment) -> None:
    """One page of members with search and order, and the export."""
    fields = {field.name: field for field in get_services().segmentation.fields()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Find among the members",
            placeholder="Start of the id, or a part of the name",
            icon=":material/search:",
            key="member",
            max_chars=255,
            bind="query-params",
        )
        shown = _choose_columns(fields)
        sort, descending = _choose_order(shown, fields)
    total = get_services().segmentation.count(segment.rule)
    pages = max(1, math.ceil(total / _PAGE))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        page = st.number_input(
            f"Page of {format.count(pages)}", 1, pages, key="page", disabled=bool(search), bind="query-params"
        )
        _draw_export(segment)
    rows = get_services().segmentation.members(
        segment.rule,
        _PAGE,
        0 if search else (page - 1) * _PAGE,
        sort=sort,
        descending=descending,
        search=search,
        columns=shown,
    )
    if not rows:
        st.info("No member fits." if search else "Nobody is in this segment.")
        return
    table = pd.DataFrame([{fields[n].label: format.value(fields[n], row[n]) for n in shown} for row in rows])
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            fields[n].label: st.column_config.TextColumn(alignment="right") for n in shown if fields[n].kind == "number"
        },
        alt="Members of the segment",
    )
    st.caption(f"{format.count(total)} members. Open one on the screen {CUSTOMERS.title}.")


def _choose_columns(fields: dict[str, Column]) -> list[str]:
    identifier = get_services().settings.dwh_customer_id_column
    chosen = st.multiselect(
        "Columns",
        [name for name in fields if name != identifier],
        [name for name in list_columns() if name != identifier],
        format_func=lambda name: fields[name].label,
        key="columns",
    )
    return [identifier, *chosen]


def _choose_order(shown: list[str], fields: dict[str, Column]) -> tuple[str, bool]:
    sort = st.selectbox("Order by", shown, format_func=lambda name: fields[name].label, key="sort", bind="query-params")
    descending = st.toggle("Highest first", key="descending", bind="query-params")
    return sort or shown[0], descending


def _draw_export(segment: Segment) -> None:
    """Links to the API, which streams the file however large it is; a download button would hold it in memory."""
    for form in FORMATS:
        st.link_button(
            f"All members as {_FORMAT_NAMES[form]}",
            f"/api/loyalty/v1/segments/{quote(segment.id)}/members/export/?format={form}",
            icon=":material/download:",
        )
