"""The fields that a rule can read, beside the builder: kind, blanks and spread of each, and a button to insert it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from loyalty_core.segments import RuleFields
from loyalty_core.ui import cached_reads, charts, formatting, table_columns
from loyalty_core.ui.text import escape
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import GROUP_ORDER
from loyalty_core.warehouse.predictions import ScoringRun

_HEIGHT = 560
_BARS = 12
_KINDS = {
    "number": "Number",
    "text": "Text",
    "boolean": "Yes or no",
    "date": "Date",
    "datetime": "Date and time",
    "other": "Other",
}


def draw_fields(fields: RuleFields, on_insert: Callable[[Column], None]) -> None:
    """A list to search; “+” inserts a field into the rule, a click on its name shows what is in it."""
    text = st.text_input(
        "Find a field",
        placeholder="Find a field",
        icon=":material/search:",
        key="field-search",
        label_visibility="collapsed",
    )
    in_order = _in_order(fields.columns)
    groups = list(dict.fromkeys(field.group for field in in_order))
    group = st.selectbox(
        "Group of fields",
        groups,
        index=None,
        key="field-group",
        placeholder="All groups",
        label_visibility="collapsed",
    )
    found = [field for field in in_order if fits(field, text, group)]
    if not found:
        st.caption("No field matches. Change the search or the group.")
        return
    chosen = _draw_table(found, _spreads(in_order, fields.run), on_insert)
    if chosen is not None:
        _draw_details(chosen, fields.run)


def _draw_table(
    fields: Sequence[Column], spreads: Mapping[str, list[int]], on_insert: Callable[[Column], None]
) -> Column | None:
    def insert() -> None:
        click: Any = st.session_state["field-insert"]
        if click is not None and click["row"] < len(fields):
            on_insert(fields[click["row"]])

    table = pd.DataFrame(
        {
            "insert": ["+"] * len(fields),
            "field": [field.label for field in fields],
            "spread": [spreads[field.name] for field in fields],
            "blank": [None if field.blanks is None else formatting.rounded_share(field.blanks, 0) for field in fields],
        }
    )
    event: Any = st.dataframe(
        table,
        hide_index=True,
        height=min(_HEIGHT, 38 + 35 * len(fields)),
        on_select="rerun",
        selection_mode="single-cell",
        key="field-list",
        column_config={
            "insert": st.column_config.ButtonColumn(
                "", width=32, type="tertiary", key="field-insert", on_click=insert, help="Insert as a condition"
            ),
            "field": st.column_config.TextColumn("Field", width=180),
            "spread": st.column_config.BarChartColumn(
                "Values", width=52, y_min=0, help="How customers are spread over it"
            ),
            "blank": table_columns.share_column("Blank", digits=0, width=50, help="Share without a value"),
        },
        alt="Fields that a rule can read",
    )
    rows = [row for row, _ in event.selection.cells if row < len(fields)]
    return fields[rows[0]] if rows else None


def _draw_details(field: Column, run: ScoringRun | None) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{escape(field.label)}** · {_KINDS[field.kind]}")
        if field.description:
            st.caption(escape(field.description))
        if field.blanks is not None:
            st.caption(f"{formatting.percent(field.blanks, 1)} of customers have no value.")
        if field.minimum is not None:
            lowest, highest = formatting.value(field, field.minimum), formatting.value(field, field.maximum)
            st.caption(escape(f"From {lowest} to {highest}."))
        if field.different is not None:
            st.caption(
                f"≈ {formatting.count(field.different)} different values.",
                help="Estimated from a sketch: usually within 4% of the number.",
            )
        if field.top_values:
            total = sum(customers for _, customers in field.top_values)
            shown = (
                f"{formatting.value(field, value)} {formatting.percent(customers / total)}"
                for value, customers in field.top_values[:8]
            )
            st.caption(escape("Most frequent: " + ", ".join(shown) + "."))
        spread = cached_reads.field_histogram(field.name, run) if field.kind == "number" else None
        if spread:
            figure = charts.histogram(spread, field)
            charts.draw(figure, "field-histogram", f"Customers by {field.label.lower()}.", height=190)
        st.caption(escape(f"Name in rules: {field.name}"))


def _in_order(fields: Sequence[Column]) -> list[Column]:
    """By group in the documented order, other groups last; within a group in the order of the view."""
    known = {group: position for position, group in enumerate(GROUP_ORDER)}
    return sorted(fields, key=lambda field: known.get(field.group, len(known)))


def fits(field: Column, text: str, group: str | None) -> bool:
    """Whether the field is in the group, if one is chosen, and the text is somewhere in what is said of it."""
    wanted = text.strip().lower()
    texts = (field.label, field.name, field.group, field.description)
    return (group is None or field.group == group) and any(wanted in text.lower() for text in texts)


def _spreads(fields: Sequence[Column], run: ScoringRun | None) -> dict[str, list[int]]:
    """Heights of a few bars for each field: customers by range of values, or by frequent value."""
    by_value = {field.name: [customers for _, customers in field.top_values] for field in fields}
    numbers = tuple(field.name for field in fields if field.kind == "number" and not field.top_values)
    spreads = cached_reads.field_spreads(numbers, run, _BARS)
    return by_value | {name: list(spread.counts) for name, spread in spreads.items() if spread}
