"""The Streamlit script: navigation, the frame around every page, and errors as messages."""

import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui.frame import ICON, PRODUCT, draw_sidebar
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.navigation import current_page

st.set_page_config(page_title=PRODUCT, page_icon=ICON, layout="wide")
st.logo(":material/loyalty:", size="large")

page = current_page()
with errors_shown():
    get_services()
    draw_sidebar()
    page.run()
