"""A database that is tried, looked at and connected, without a setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
import streamlit as st

from loyalty_core.connections.connection import new_folder
from loyalty_core.connections.probe import DatabaseAddress, ViewFound, columns_of, list_tables, try_view
from loyalty_core.errors import LoyaltyError
from loyalty_core.loading import id_by_name
from loyalty_core.services import services_of_process
from loyalty_core.settings import CONNECTIONS_FOLDER, with_driver
from loyalty_core.ui.access.changes import change
from loyalty_core.ui.connect.currency_field import ask_currency
from loyalty_core.ui.connect.loaded import draw_connected
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Read = TypeVar("_Read")
_TRIED, _COLUMNS, _VIEW = "connect-tried", "connect-view-columns", "connect-view"


def draw_database() -> None:
    """Address, table and id column, one after the other; the last step connects it."""
    _draw_address()
    tried = st.session_state.get(_TRIED)
    if tried is None:
        draw_connected()
        return
    address, tables = tried
    with errors_shown():
        _draw_choice(address, tables)


def _draw_address() -> None:
    with st.form("connect-database", border=True):
        url = st.text_input(
            "Address",
            placeholder="postgresql://user@host:5432/database",
            help="A SQLAlchemy URL: dialect://user@host:port/database. Use an account that may only read.",
        )
        first, second = st.columns(2)
        password = first.text_input("Password", type="password", help="Never shown, logged or in the audit trail.")
        variable = second.text_input(
            "or the environment variable that has it",
            placeholder="DWH_PASSWORD",
            help="The app reads it there at every start, and saves no password.",
        )
        st.caption(
            f"A password is saved in {escape(str(CONNECTIONS_FOLDER))}, in a file that only the account of the app may "
            "read (mode 0600). Name an environment variable to save none."
        )
        if st.form_submit_button("Try it", icon=":material/cable:") and url.strip():
            st.session_state.pop(_TRIED, None)
            try:
                address = _address(url, password, variable.strip())
                with st.spinner("Trying the database …"):
                    st.session_state[_TRIED] = address, list_tables(address)
            except LoyaltyError as error:
                show_error(error, retry=False)


def _address(url: str, password: str, variable: str) -> DatabaseAddress:
    parsed = with_driver(url)
    if password:
        parsed = parsed.set(password=password)
    return DatabaseAddress(parsed.render_as_string(hide_password=False), variable)


def _draw_choice(address: DatabaseAddress, tables: list[str]) -> None:
    if not tables:
        st.info(
            "The database answers, but has no table or view that this account may see. Create a view with one row per "
            "customer, or grant the account SELECT on one.",
            icon=":material/info:",
        )
        return
    first, second = st.columns(2)
    view = first.selectbox(
        "View with one row per customer", tables, index=None, placeholder="Choose a table or view", help="The features."
    )
    if view is None:
        return
    names = _once(_COLUMNS, (address, view), lambda: columns_of(address, view))
    named = id_by_name(names)
    identifier = second.selectbox(
        "Column that identifies a customer",
        names,
        index=names.index(named) if named else None,
        placeholder="Choose a column",
        help="Different in every row.",
        key=f"connect-id-{view}",
    )
    if identifier is None:
        return
    with st.spinner("Reading the first rows …"):
        found = _once(_VIEW, (address, view, identifier), lambda: try_view(address, view, identifier))
    _draw_found(found)
    fixed = services_of_process().connections.is_fixed
    currency = ask_currency("database")
    if st.button(
        "Connect this database",
        type="primary",
        icon=":material/link:",
        disabled=fixed,
        help="The app reads it from now on. The data in use stays as it is, and Undo returns to it.",
    ):
        change(lambda: _connect(address, view, identifier, found, currency))


def _once(place: str, key: tuple[Any, ...], read: Callable[[], _Read]) -> _Read:
    """What was read for this key, or is read now."""
    known = st.session_state.get(place)
    if known is None or known[0] != key:
        known = st.session_state[place] = key, read()
    return known[1]


def _draw_found(found: ViewFound) -> None:
    rows, mapping = st.tabs(["First rows", "What the models learn from"])
    with rows:
        draw_customer_rows(pd.DataFrame(list(found.preview), columns=list(found.columns)), key="connect-database-rows")
        st.caption("Read with this statement:")
        st.code(found.statement, language="sql")
    with mapping:
        if found.mapping is None:
            st.markdown("The view has the columns of the standard mapping, which is used.")
            return
        st.dataframe(
            pd.DataFrame({"Feature": list(found.mapping), "Column": list(found.mapping.values())}), hide_index=True
        )
        for one in found.left_out:
            st.caption(f"Not {escape(one.column)}: {escape(one.reason)}.")


def _connect(
    address: DatabaseAddress, view: str, identifier: str, found: ViewFound, currency: Mapping[str, str]
) -> None:
    settings: dict[str, Any] = {
        **address.settings,
        **currency,
        "dwh_customer_features_table": view,
        "dwh_customer_id_column": identifier,
    }
    if found.mapping:
        settings |= {"ml_feature_mapping": dict(found.mapping), "ml_model_input_size": len(found.mapping)}
    services_of_process().connections.add(new_folder(address.title), address.title, "database", settings)
    for name in (_TRIED, _COLUMNS, _VIEW):
        st.session_state.pop(name, None)
