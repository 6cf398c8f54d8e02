"""People: who has signed in, who is waiting for a role, and what each may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from loyalty_core.services import services_of_process
from loyalty_core.ui import formatting
from loyalty_core.ui.access.changes import change, confirm, title_of
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.access import Role
    from loyalty_core.accounts import Person


def draw_people() -> None:
    """The table of people; selecting a row shows what can be changed. Needs MANAGE_ACCESS."""
    services = services_of_process()
    people, roles = services.people.list(), services.roles.all()
    if services.settings.sign_in == "off":
        st.info(
            "Sign-in is off: everyone who opens the app is the local user, with all rights. "
            "Set SIGN_IN to have people sign in; roles apply from then on.",
            icon=":material/lock_open:",
        )
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
        st.caption("Select a person to change their roles, sign them out or deactivate them.")


def _table(people: list[Person], roles: dict[str, Role]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Person": [person.id for person in people],
            "Roles": [", ".join(title_of(roles, role) for role in person.roles) for person in people],
            "Status": [_status(person) for person in people],
            # Until they sign in, people are named by their address.
            "Name": ["" if person.name == person.id else person.name for person in people],
            "Last seen": [formatting.moment(one.last_seen_at) if one.last_seen_at else "Never" for one in people],
        }
    )


def _status(person: Person) -> str:
    if not person.is_active:
        return "Deactivated"
    if not person.roles:
        return "Waiting for a role"
    return "Active" if person.has_signed_in else "Invited"


def _draw_add(roles: dict[str, Role]) -> None:
    with st.expander("Add a person", icon=":material/person_add:"), st.form("add-person", border=False):
        email = st.text_input(
            "E-mail address",
            placeholder="anna@example.com",
            help="As the identity provider has it. The person does not need to have signed in before.",
        )
        role = st.selectbox("Role", list(roles), format_func=lambda name: title_of(roles, name))
        if st.form_submit_button("Add", type="primary", icon=":material/add:"):
            change(lambda: services_of_process().people.grant(email, role))


def _draw_person(person: Person, roles: dict[str, Role]) -> None:
    people = services_of_process().people
    with st.container(border=True):
        st.subheader(escape(person.name or person.id), anchor=False)
        if person.name != person.id:
            st.caption(escape(person.id))
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
                confirm(
                    "Sign out everywhere",
                    f"End all sessions of **{escape(person.id)}**? They can sign in again.",
                    "Sign out",
                    lambda: people.end_sessions(person.id),
                )
            if person.is_active and st.button("Deactivate", icon=":material/block:"):
                confirm(
                    "Deactivate person",
                    f"Lock out **{escape(person.id)}**? Their sessions end, and API keys they created stop working.",
                    "Deactivate",
                    lambda: people.set_active(person.id, active=False),
                )
            if not person.is_active and st.button("Activate", icon=":material/check:"):
                change(lambda: people.set_active(person.id, active=True))
