"""Which data the app reads, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.services import services_of_process
from loyalty_core.settings import DEFAULT_WAREHOUSE
from loyalty_core.ui import formatting
from loyalty_core.ui.access.changes import change, confirm
from loyalty_core.ui.text import escape
from loyalty_core.warehouse.failures import place

if TYPE_CHECKING:
    from loyalty_core.connections import Connection

_KINDS = {"customers": "File of customers", "transactions": "Log of purchases", "database": "Database"}
DEFAULT_TITLE = "Default warehouse"


def draw_in_use() -> None:
    """The connected data, Undo, and why nothing can be changed where a setting names the warehouse."""
    services = services_of_process()
    connections = services.connections
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if connections.is_fixed:
            st.markdown(
                f":material/lock: **{escape(place(services.warehouse.url))}** is in use. The setting DWH_URL names it, "
                "and always wins over what is connected here. Remove it from the environment, .env and loyalty.toml, "
                "and start the app again to connect data here."
            )
            return
        current = connections.current()
        st.markdown(f":material/database: In use: **{escape(title_of(current))}**. {_since(current)}", width="stretch")
        if connections.can_undo():
            former = title_of(connections.former())
            if st.button(
                "Undo",
                icon=":material/undo:",
                key="connect-undo",
                help=f"Back to {escape(former)}, with its models and predictions. Nothing is deleted.",
            ):
                change(connections.undo)


def title_of(connection: Connection | None) -> str:
    """The title of a connection; the default warehouse has a title of its own."""
    return connection.title if connection else DEFAULT_TITLE


def _since(connection: Connection | None) -> str:
    if connection is None:
        return f"It is {escape(str(DEFAULT_WAREHOUSE))}: the demo, unless you have loaded a file there."
    return f"{_KINDS[connection.kind]}, connected {formatting.moment(connection.created_at)}."


def draw_all() -> None:
    """Everything that was connected, to be used again or deleted."""
    connections = services_of_process().connections
    is_fixed, current = connections.is_fixed, connections.current()
    _draw_one(None, is_current=current is None, is_fixed=is_fixed)
    for connection in connections.all():
        _draw_one(connection, is_current=connection == current, is_fixed=is_fixed)


def _draw_one(connection: Connection | None, *, is_current: bool, is_fixed: bool) -> None:
    connections = services_of_process().connections
    key = connection.id if connection else "default"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape(title_of(connection))}**  \n{_since(connection)}", width="stretch")
        if is_current and not is_fixed:
            st.badge("In use", icon=":material/check:", color="green")
            return
        if st.button("Use", icon=":material/swap_horiz:", key=f"use-{key}", disabled=is_fixed):
            change(lambda: connections.use(connection.id if connection else None))
        if connection and st.button("Delete", icon=":material/delete:", key=f"delete-{key}"):
            confirm(
                "Delete connected data",
                f"Delete **{escape(connection.title)}** with its models and predictions? The original file or database "
                "is not touched.",
                "Delete",
                lambda: connections.remove(connection.id),
            )
