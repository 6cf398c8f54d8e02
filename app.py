"""The Streamlit script: navigation, the frame around every page, and errors as messages."""

import streamlit as st

from loyalty_core.access import require, resolve_viewers_by
from loyalty_core.services import follow_connection
from loyalty_core.ui.contrast import raise_contrast
from loyalty_core.ui.customer_rows import hide_downloads
from loyalty_core.ui.fragments import remember_access
from loyalty_core.ui.frame import ICON, PRODUCT, draw_sidebar
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.navigation import current_page
from loyalty_core.ui.sign_in import draw_account, draw_sign_in, session_viewer
from loyalty_core.ui.slow_runs import slowness_shown

st.set_page_config(page_title=PRODUCT, page_icon=ICON, layout="wide")
st.logo(":material/loyalty:", size="large")
hide_downloads()
raise_contrast()

resolve_viewers_by(session_viewer)
follow_connection()
screen, page = current_page()
with errors_shown():
    if draw_sign_in():
        remember_access()
        draw_account()
        require(screen.action)
        draw_sidebar()
        with slowness_shown():
            page.run()
