"""API keys: created, shown once, and revoked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.services import services_of_process
from loyalty_core.ui import formatting
from loyalty_core.ui.access.changes import confirm, title_of
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.access import Role
    from loyalty_core.accounts import ApiKey

_DAYS = {"30 days": 30, "90 days": 90, "1 year": 365, "No expiry": None}


def draw_keys() -> None:
    """The table of keys; selecting a row offers to revoke it. Needs MANAGE_ACCESS."""
    services = services_of_process()
    roles = services.roles.all()
    _draw_create(roles)
    keys = services.api_keys.list()  # with the one that has just been created
    if not keys:
        st.caption("No API keys yet. Programs need one for the HTTP API once people sign in.")
        return
    event = st.dataframe(
        _table(keys, roles),
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key="keys",
    )
    rows = event.selection.rows  # pyright: ignore[reportAttributeAccessIssue]
    chosen = keys[rows[0]] if rows and rows[0] < len(keys) else None
    if chosen is None:
        st.caption("Select a key to revoke it.")
    elif chosen.revoked_at is not None:
        st.caption("This key is revoked.")
    elif st.button("Revoke", icon=":material/block:"):
        confirm(
            "Revoke key",
            f"Revoke **{escape(chosen.name)}** ({escape(chosen.prefix)})? Programs that use it are refused at once. "
            "This cannot be undone.",
            "Revoke",
            lambda: services.api_keys.revoke(chosen.prefix),
        )


def _draw_create(roles: dict[str, Role]) -> None:
    with st.expander("Create a key", icon=":material/key:"), st.form("create-key", border=False):
        name = st.text_input("Name", placeholder="CRM synchronisation")
        chosen = st.multiselect("Roles", list(roles), format_func=lambda role: title_of(roles, role))
        days = st.selectbox("Expires after", list(_DAYS), index=1)
        if st.form_submit_button("Create", type="primary", icon=":material/add:"):
            try:
                created = services_of_process().api_keys.create(name, chosen, days=_DAYS[days])
            except LoyaltyError as error:
                show_error(error, retry=False)
                return
            st.success(
                "Copy the key now: it is not shown again. Programs send it as `Authorization: Bearer KEY`.",
                icon=":material/key:",
            )
            st.code(created.secret, language=None, wrap_lines=True)


def _table(keys: list[ApiKey], roles: dict[str, Role]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Name": [key.name for key in keys],
            "Status": [_status(key) for key in keys],
            "Roles": [", ".join(title_of(roles, role) for role in key.roles) for key in keys],
            "Prefix": [key.prefix for key in keys],
            "Created by": [key.owner or "" for key in keys],
            "Last used": [formatting.moment(key.last_used_at) if key.last_used_at else "Never" for key in keys],
        }
    )


def _status(key: ApiKey) -> str:
    if key.revoked_at:
        return "Revoked"
    if not key.is_usable(datetime.now(UTC)):
        return "Expired"
    return f"Valid until {formatting.day(key.expires_at)}" if key.expires_at else "Valid"
