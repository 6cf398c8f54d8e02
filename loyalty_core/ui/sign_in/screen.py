"""The screen to sign in on, and the person's name with the way out in the sidebar."""

from __future__ import annotations

import streamlit as st

from loyalty_core.access import Action, NotSignedIn, current_viewer
from loyalty_core.services import services_of_process
from loyalty_core.settings import get_settings
from loyalty_core.ui.frame import PRODUCT
from loyalty_core.ui.sign_in.streamlit_sign_in import providers, session_sign_in
from loyalty_core.ui.text import escape


def draw_sign_in() -> bool:
    """Whether somebody is signed in who may look; otherwise draws what they have to do first."""
    settings = get_settings()
    if settings.sign_in == "off":
        return True
    try:
        viewer = current_viewer()
    except NotSignedIn as error:
        sign_in = session_sign_in(settings)
        _draw_welcome("Sign in to see customers, segments and predictions.")
        if sign_in is not None:
            st.warning(escape(str(error)))
        _draw_ways_in(is_proxy=settings.sign_in == "proxy")
        return False
    if viewer.may(Action.VIEW):
        return True
    _draw_welcome(escape(f"You are signed in as {viewer.id}, but you have no role yet."))
    st.info("Ask an admin to give you one on the Access page, then reload this page.", icon=":material/hourglass_top:")
    if settings.sign_in == "openid":
        _draw_sign_out()
    return False


def draw_account() -> None:
    """Who is signed in, and the way out; nothing without sign-in."""
    settings = get_settings()
    if settings.sign_in == "off":
        return
    viewer = current_viewer()
    with st.sidebar.container(gap="xsmall", key="account"):
        st.caption(escape(viewer.name or viewer.id), help=escape(viewer.id))
        if settings.sign_in == "openid":
            _draw_sign_out()


def _draw_welcome(text: str) -> None:
    st.title(PRODUCT, anchor=False)
    st.markdown(text)


def _draw_ways_in(*, is_proxy: bool) -> None:
    if is_proxy:
        st.info("Open the app through the address of your company's sign-in proxy.", icon=":material/login:")
        return
    for name in providers():
        label = f"Sign in with {escape(name.title())}" if name else "Sign in"
        if st.button(label, type="primary", icon=":material/login:", key=f"sign-in-{name}"):
            st.login(name)


def _draw_sign_out() -> None:
    if st.button("Sign out", icon=":material/logout:", type="tertiary", key="sign-out"):
        sign_in = session_sign_in(get_settings())
        if sign_in is not None:
            services_of_process().viewers.end(sign_in)
        st.logout()
