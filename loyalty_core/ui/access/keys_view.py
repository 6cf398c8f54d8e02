"""API keys: created, shown once, and revoked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.services import services_of_process
from loyalty_core.ui import formatting
from loyalty_core.ui.access.people_view import change, title_of
from loyalty_core.ui.messages import show_error

if TYPE_CHECKING:
    from loyalty_core.access import Role
    from loyalty_core.accounts import ApiKey

_DAYS = {"30 days": 30, "90 days": 90, "A year": 365, "Until it is revoked": None}


def draw_keys() -> None:
    """The table of keys; a click on a row offers to revoke it. Needs MANAGE_ACCESS."""
    services = services_of_process()
    keys, roles = services.api_keys.list(), services.roles.all()
    _draw_create(roles)
    if not keys:
        st.caption("There are no API keys.")
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
    can_be_revoked = chosen is not None and chosen.revoked_at is None
    if st.button("Revoke", icon=":material/block:", disabled=not can_be_revoked, help="Choose a key in the table."):
        prefix = chosen.prefix if chosen else ""
        change(lambda: services.api_keys.revoke(prefix))


def _draw_create(roles: dict[str, Role]) -> None:
    with st.expander("Create a key", icon=":material/key:"), st.form("create-key", border=False):
        name = st.text_input("Name", placeholder="CRM synchronisation")
        chosen = st.multiselect("Roles", list(roles), format_func=lambda role: title_of(roles, role))
        days = st.selectbox("Valid for", list(_DAYS))
        if st.form_submit_button("Create", icon=":material/add:"):
            try:
                created = services_of_process().api_keys.create(name, chosen, days=_DAYS[days])
            except LoyaltyError as error:
                show_error(error, retry=False)
                return
            st.success("Copy the key now: it is not shown again.", icon=":material/key:")
            st.code(created.secret, language=None)


def _table(keys: list[ApiKey], roles: dict[str, Role]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Prefix": [key.prefix for key in keys],
            "Name": [key.name for key in keys],
            "Roles": [", ".join(title_of(roles, role) for role in key.roles) for key in keys],
            "State": [_state(key) for key in keys],
            "Owner": [key.owner or "" for key in keys],
            "Last used": [formatting.moment(key.last_used_at) if key.last_used_at else "Never" for key in keys],
        }
    )


def _state(key: ApiKey) -> str:
    if key.revoked_at:
        return "Revoked"
    if not key.is_usable(datetime.now(UTC)):
        return "Expired"
    return f"Valid until {formatting.moment(key.expires_at)}" if key.expires_at else "Valid"
