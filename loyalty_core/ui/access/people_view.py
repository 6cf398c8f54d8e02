"""People: who has signed in, who waits for a role, and what each may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.services import services_of_process
from loyalty_core.ui import formatting
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.access import Role
    from loyalty_core.accounts import Person


def draw_people() -> None:
    """The table of people; a click on a row opens what may be changed. Needs MANAGE_ACCESS."""
    services = services_of_process()
    people, roles = services.people.list(), services.roles.all()
    if services.settings.sign_in == "off":
        st.info("Sign-in is off: everybody who reaches the app is the local user. Set SIGN_IN to change that.")
    _draw_add(roles)
    if not people:
        st.caption("Nobody has signed in or been added yet.")
        return
    if waiting := [person for person in people if not person.roles and person.is_active]:
        names = ", ".join(escape(person.id) for person in waiting[:5])
        st.warning(f"Waiting for a role: {names}{' …' if len(waiting) > 5 else ''}", icon=":material/hourglass_top:")
    event = st.dataframe(
        _table(people, roles),
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key="people",
    )
    rows = event.selection.rows  # pyright: ignore[reportAttributeAccessIssue]
    if rows and rows[0] < len(people):
        _draw_person(people[rows[0]], roles)
    else:
        st.caption("Choose a person to change their roles, sign them out or deactivate them.")


def _table(people: list[Person], roles: dict[str, Role]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Person": [person.id for person in people],
            "Name": [person.name for person in people],
            "Roles": [", ".join(title_of(roles, role) for role in person.roles) for person in people],
            "State": [_state(person) for person in people],
            "Last seen": [formatting.moment(one.last_seen_at) if one.last_seen_at else "" for one in people],
        }
    )


def _state(person: Person) -> str:
    if not person.is_active:
        return "Deactivated"
    if not person.roles:
        return "Waiting"
    return "Active" if person.has_signed_in else "Not signed in yet"


def title_of(roles: dict[str, Role], name: str) -> str:
    """The title of a role; its name where it has been deleted."""
    return roles[name].title if name in roles else name


def _draw_add(roles: dict[str, Role]) -> None:
    with st.expander("Add a person", icon=":material/person_add:"), st.form("add-person", border=False):
        email = st.text_input("E-mail address", help="As the identity provider knows it; it need not have signed in.")
        role = st.selectbox("Role", list(roles), format_func=lambda name: title_of(roles, name))
        if st.form_submit_button("Add", icon=":material/add:"):
            change(lambda: services_of_process().people.grant(email, role))


def _draw_person(person: Person, roles: dict[str, Role]) -> None:
    people = services_of_process().people
    with st.container(border=True):
        st.subheader(escape(person.name or person.id), anchor=False)
        chosen = st.multiselect(
            "Roles",
            [*roles, *(role for role in person.roles if role not in roles)],
            default=list(person.roles),
            format_func=lambda name: title_of(roles, name),
            key=f"roles-{person.id}",
        )
        with st.container(horizontal=True):
            if st.button("Save roles", type="primary", disabled=sorted(chosen) == sorted(person.roles)):
                change(lambda: people.set_roles(person.id, chosen))
            if st.button("Sign out everywhere", icon=":material/logout:"):
                change(lambda: people.end_sessions(person.id))
            if person.is_active and st.button("Deactivate", icon=":material/block:"):
                change(lambda: people.set_active(person.id, active=False))
            if not person.is_active and st.button("Activate", icon=":material/check:"):
                change(lambda: people.set_active(person.id, active=True))


def change(action: Callable[[], object]) -> None:
    """Do it and draw the page anew; an error is shown instead."""
    try:
        action()
    except LoyaltyError as error:
        show_error(error, retry=False)
    else:
        st.rerun()
