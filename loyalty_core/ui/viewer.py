"""Who uses the app: whoever is logged in, else the account that the app runs under."""

import getpass

import streamlit as st


def viewer_name() -> str:
    """The name that versions and the audit trail carry."""
    try:
        return str(st.user.get("email") or st.user.get("name") or getpass.getuser())
    except (OSError, KeyError):  # an account without a name, as in some containers
        return "Someone"
