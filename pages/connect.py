"""Your own data in place of the demo: a file becomes a warehouse, a database is tried and read, and the way back."""

import streamlit as st

from loyalty_core.ui.connect.database_view import draw_database
from loyalty_core.ui.connect.file_view import draw_file
from loyalty_core.ui.connect.in_use import draw_all, draw_in_use
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.messages import errors_shown

page_title(
    "Connect data",
    "Your own file or database in place of the demo. What was connected before can be used again.",
)
with errors_shown():
    draw_in_use()
file, database, former = st.tabs(["A file", "A database", "Connected before"], key="view", bind="query-params")
if file.open:
    with file, errors_shown():
        draw_file()
if database.open:
    with database, errors_shown():
        draw_database()
if former.open:
    with former, errors_shown():
        draw_all()
