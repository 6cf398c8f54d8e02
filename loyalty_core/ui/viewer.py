"""Who uses the app."""

import streamlit as st

from loyalty_core.settings import get_settings


def viewer_name() -> str:
    """The name for versions and the audit trail: of the person logged in, otherwise the setting LOCAL_USER.

    Never the operating system's account, which says who runs the server rather than who uses it.
    """
    return str(st.user.get("email") or st.user.get("name") or get_settings().local_user)
