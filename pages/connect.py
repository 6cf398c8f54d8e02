"""Your own data in place of the demo: a file becomes a warehouse, and the way back."""

import streamlit as st

from loyalty_core.ui.connect.file_view import draw_file
from loyalty_core.ui.connect.in_use import draw_all, draw_in_use
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.messages import errors_shown

page_title(
    "Connect data", "Your own file in place of the demo. What was connected before stays, and can be used again."
)
with errors_shown():
    draw_in_use()
file, former = st.tabs(["A file", "Connected before"], key="view", bind="query-params")
if file.open:
    with file, errors_shown():
        draw_file()
if former.open:
    with former, errors_shown():
        draw_all()
