"""The members of a segment, page by page, and all of them as a file."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from loyalty_core.segments import Segment
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.customer import list_columns
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.customer_search import draw_search_field
from loyalty_core.ui.fields import draw_number
from loyalty_core.ui.navigation import CUSTOMER_PARAMETER, CUSTOMERS
from loyalty_core.ui.segments.detail.export_view import MANY, draw_links, draw_prepared
from loyalty_core.ui.work_slots import evaluation_slot
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.connection import Row

_PAGE = 25


def draw_members(segment: Segment) -> None:
    """One page of members with search and order, and the export."""
    selection = get_services().segmentation.select(segment.rule)
    fields = {field.name: field for field in selection.fields.columns}
    by_text, by_order, by_direction = st.columns([3, 2, 1], vertical_alignment="bottom")
    with by_text:
        search = draw_search_field("Find among the members", f"member-{segment.id}")
    shown = _choose_columns(fields)
    in_file = [shown[-1], *shown[:-1]]  # a file begins with the id
    with by_order:
        sort = _choose_order(shown, fields)
    descending = by_direction.toggle("Highest first", key="descending", bind="query-params")
    with evaluation_slot():
        total = selection.count()
    pages = max(1, math.ceil(total / _PAGE))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        page = draw_number(
            f"Page of {formatting.count(pages)}",
            1,
            key="page",
            lowest=1,
            highest=pages,
            whole=True,
            disabled=bool(search),
            bind="query-params",
            width=160,
        )
        draw_links(segment, in_file)
    if total > MANY:
        draw_prepared(segment, in_file)
    if search is None or (page is None and not search):
        return
    first = 0 if search or page is None else (int(page) - 1) * _PAGE
    with evaluation_slot():
        rows = selection.members(_PAGE, first, sort=sort, descending=descending, search=search, columns=shown)
    if not rows:
        st.info(
            "No member matches." if search else "Nobody is in this segment. Edit its rule to include more customers."
        )
        return
    chosen = _draw_table(rows, [fields[name] for name in shown])
    if chosen is not None:
        st.switch_page(f"pages/{CUSTOMERS.file}", query_params={CUSTOMER_PARAMETER: str(chosen[shown[-1]])})
    more = "There may be more matches: type more of the name. " if search and len(rows) == _PAGE else ""
    st.caption(f"{formatting.count(total)} members. {more}Click a row to open the customer.")


def _draw_table(rows: Sequence[Row], columns: Sequence[Column]) -> Row | None:
    """The members; returns the one that was clicked."""
    event = draw_customer_rows(
        pd.DataFrame([{column.name: formatting.value(column, row[column.name]) for column in columns} for row in rows]),
        "members",
        height="content",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            column.name: st.column_config.TextColumn(
                column.label, alignment="right" if column.kind == "number" else None
            )
            for column in columns
        },
        alt="Members of the segment",
    )
    chosen = [row for row, _ in event.selection.cells if row < len(rows)]
    return rows[chosen[0]] if chosen else None


def _choose_columns(fields: dict[str, Column]) -> list[str]:
    identifier = get_services().settings.dwh_customer_id_column
    chosen = st.multiselect(
        "Columns",
        [name for name in fields if name != identifier],
        [name for name in list_columns() if name != identifier and name in fields],  # others are hidden
        format_func=lambda name: fields[name].label,
        key="columns",
        bind="query-params",
    )
    return [*chosen, identifier]


def _choose_order(shown: list[str], fields: dict[str, Column]) -> str:
    names = [shown[-1], *shown[:-1]]
    chosen = st.selectbox(
        "Order by", names, format_func=lambda name: fields[name].label, key="sort", bind="query-params"
    )
    return chosen or names[0]
