"""Who may do what: people, roles and API keys."""

import streamlit as st

from loyalty_core.ui.access.keys_view import draw_keys
from loyalty_core.ui.access.people_view import draw_people
from loyalty_core.ui.access.roles_view import draw_roles
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.messages import errors_shown

page_title("Access", "Who may sign in, what each role allows, and the API keys of programs.")
people, roles, keys = st.tabs(["People", "Roles", "API keys"], key="view", bind="query-params")
if people.open:
    with people, errors_shown():
        draw_people()
if roles.open:
    with roles, errors_shown():
        draw_roles()
if keys.open:
    with keys, errors_shown():
        draw_keys()
