"""A file that is dropped in the browser: what was recognised, what is asked, and the job that loads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from loyalty_core.loading.inspection import Inspection, inspect_file
from loyalty_core.loading.questions import CUSTOMERS, PURCHASES
from loyalty_core.services import services_of_process
from loyalty_core.ui import formatting
from loyalty_core.ui.connect.columns_form import ask_customers, ask_purchases
from loyalty_core.ui.connect.currency_field import ask_currency
from loyalty_core.ui.connect.file_format_form import ask_file_format
from loyalty_core.ui.connect.loaded import draw_loaded
from loyalty_core.ui.connect.offers_form import FILE_TYPES, ask_offers, saved
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.connections import Upload
    from loyalty_core.loading import FileFormat

_ROWS_SHOWN = 10  # more of them are scrolled
_UPLOAD, _INSPECTION = "connect-upload", "connect-inspection"
_KINDS = {"customers": CUSTOMERS, "transactions": PURCHASES}


def draw_file() -> None:
    """From the dropped file to the warehouse; nothing changes before the file is loaded whole."""
    services = services_of_process()
    connections, last = services.connections, services.jobs.latest("connection")
    dropped = st.file_uploader(
        "A file with your customers, or with their purchases",
        type=FILE_TYPES,
        key=f"connect-file-{last.id if last and last.state == 'done' else 0}",  # empty again once the file is loaded
        help="CSV (also gzipped), Excel (.xlsx), Parquet, or a ZIP archive with one of them. The file stays on this "
        "machine.",
    )
    if dropped is None:
        draw_job(
            "connection", start_label="Load this file", key="connect-file", disabled=True, help="Drop a file first."
        )
        draw_loaded()
        return
    with errors_shown():
        upload = saved(dropped, _UPLOAD)
        written = ask_file_format()
        with st.spinner("Looking at the columns …"):
            found = _inspected(upload, written)
        _draw_recognised(found)
        options, missing = _asked(found)
        options |= ask_currency("file")
        options |= ask_offers(str(last.id) if last and last.state == "done" else "")
        st.caption(
            "Segments and campaigns stay. Once the file is loaded, the segments whose columns it lacks are named here, "
            "and can be archived in one step."
        )
        draw_job(
            "connection",
            start_label="Load this file",
            options={"upload": upload.id, "format": _stated(written), **options},
            key="connect-file",
            disabled=bool(missing) or connections.is_fixed,
            help=escape(missing) or "The data in use stays as it is until this file is loaded whole.",
        )
    draw_loaded()


def _inspected(upload: Upload, written: FileFormat) -> Inspection:
    known = st.session_state.get(_INSPECTION)
    if known and known[0] == (upload.id, written):
        return known[1]
    found = inspect_file(upload.file, written)
    st.session_state[_INSPECTION] = (upload.id, written), found
    return found


def _draw_recognised(found: Inspection) -> None:
    rows = formatting.count(found.row_count)
    looked_at = f"; types as found in {formatting.count(found.looked_at)} of them"
    st.markdown(
        f"**{escape(found.file_name)}**: {rows} rows, {formatting.count(len(found.columns))} columns"
        f"{looked_at if found.looked_at < found.row_count else ''}. Each value is read and checked when it is loaded."
    )
    roles = _roles(found)
    columns, preview = st.tabs(["Recognised columns", "First rows"])
    columns.dataframe(
        pd.DataFrame(
            {
                "Column": [one.name for one in found.columns],
                "Read as": [one.read_as for one in found.columns],
                "Taken for": [roles.get(one.name, "") for one in found.columns],
                "Examples": [", ".join(one.examples) for one in found.columns],
                "Remarks": [one.note for one in found.columns],
            }
        ),
        hide_index=True,
        column_config={"Taken for": st.column_config.TextColumn(width=130)},
        height="auto" if len(found.columns) < _ROWS_SHOWN else 390,
    )
    with preview:
        draw_customer_rows(pd.DataFrame(list(found.preview), columns=found.names), key="connect-preview")
    for note in found.notes:
        st.caption(escape(note))


def _roles(found: Inspection) -> dict[str, str]:
    if found.kind == "customers":
        named = {found.customers.id: "Customer id", found.customers.churn: "Who left"}
    else:
        bought = found.purchases
        *pieces, amount = (bought.amount or "").split("*") if bought.amount not in found.names else [bought.amount]
        factors = dict.fromkeys(pieces, "Quantity") | {amount: "Amount"}
        named = {**factors, bought.customer: "Customer", bought.date: "Date", bought.transaction: "Purchase number"}
    return {name: role for name, role in named.items() if name}


def _asked(found: Inspection) -> tuple[dict[str, Any], str]:
    """The options of the job, and what must still be chosen; "" where nothing is missing."""
    kinds = list(_KINDS)
    kind = st.radio(
        "The file has",
        kinds,
        index=kinds.index(found.kind),
        format_func=lambda one: CUSTOMERS if one == "customers" else PURCHASES,
        horizontal=True,
        key=f"connect-kind-{found.file_name}",
    )
    for question in found.questions["customers" if kind == "customers" else "transactions"]:
        st.info(f"**{escape(question.what)}** {escape(question.why)}", icon=":material/help:")
    options, missing = (ask_customers if kind == "customers" else ask_purchases)(found)
    return {"kind": kind, **options}, missing


def _stated(written: FileFormat) -> dict[str, Any]:
    """What the user has said of the format, as the options of a job, which are JSON."""
    values = {name: getattr(written, name) for name in written.__dataclass_fields__}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value not in (None, ())
    }
