"""How a file is written, where its values do not show it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from loyalty_core.loading import FileFormat
from loyalty_core.loading.questions import FIELDS
from loyalty_core.names import between_commas
from loyalty_core.ui.text import escape

_AS_FOUND = "As found"
_MARKS = {"a point": ".", "a comma": ",", "a space": " ", "an apostrophe": "'"}
_HEADING = {"Yes": True, "No": False}


def label(option: str) -> str:
    """The label of an option's field."""
    return escape(FIELDS[option])


def ask_file_format() -> FileFormat:
    """What the user says of the format; everything else is found from the values."""
    with st.expander("How the file is written, where it is not recognised", icon=":material/tune:"):
        first, second, third = st.columns(3)
        with first:
            order: Any = st.selectbox(
                label("date-order"), [_AS_FOUND, "day-first", "month-first"], help="How 01/02/2024 is read."
            )
            blanks = st.text_input(
                label("blank"), help="Separated by commas, such as unknown, -1. Blank cells and n/a are known."
            )
        with second:
            decimal: Any = st.selectbox(
                label("decimal"), [_AS_FOUND, *list(_MARKS)[:2]], help="The mark before the decimals."
            )
            sheet = st.text_input(label("sheet"), help="For a workbook with several sheets.")
        with third:
            thousands = st.selectbox(
                label("thousands"), [_AS_FOUND, *_MARKS], help="The mark between groups of three digits."
            )
            encoding = st.text_input(label("encoding"), help="Such as cp1250, where it is not UTF-8 or Windows-1252.")
        heading = st.segmented_control(
            label("heading"),
            ["Yes", "No"],
            help="Whether the first line names the columns. Leave it open if that is recognised.",
        )
    return FileFormat(
        date_order=None if order == _AS_FOUND else order,
        decimal=None if decimal == _AS_FOUND else "." if decimal == "a point" else ",",
        thousands=_MARKS.get(thousands or ""),
        blanks=tuple(between_commas(blanks)),
        encoding=encoding.strip() or None,
        heading=_HEADING.get(heading or ""),
        sheet=sheet.strip() or None,
    )
