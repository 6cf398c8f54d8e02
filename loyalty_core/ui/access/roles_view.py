"""Roles: what each allows, and a company's own."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from loyalty_core.access import ROLES, Action, Role, Scope
from loyalty_core.accounts.errors import BadRole
from loyalty_core.services import services_of_process
from loyalty_core.ui.access.people_view import change

_NEW = "New role"


def draw_roles() -> None:
    """The table of roles and actions, and the form of own roles. Needs MANAGE_ACCESS to change them."""
    roles = services_of_process().roles.all()
    table = pd.DataFrame({role.title: [action in role.actions for action in Action] for role in roles.values()})
    table.insert(0, "May", [action.phrase[0].upper() + action.phrase[1:] for action in Action])
    st.dataframe(table, hide_index=True, width="stretch")
    st.caption("Built-in roles are fixed. Of several roles, a person may do what any of them allows.")
    own = {name: role for name, role in roles.items() if name not in ROLES}
    chosen = st.selectbox("Own role", [_NEW, *own], format_func=lambda name: own[name].title if name in own else name)
    _draw_form(own.get(chosen))


def _draw_form(role: Role | None) -> None:
    with st.form(f"role-{role.name if role else ''}"):
        name = st.text_input("Name", role.name if role else "", disabled=role is not None, placeholder="north_analyst")
        title = st.text_input("Title", role.title if role else "", placeholder="Analyst North")
        actions = st.multiselect(
            "May",
            list(Action),
            default=sorted(role.actions) if role else [Action.VIEW],
            format_func=lambda action: action.phrase,
        )
        scope = st.text_area(
            "Customers",
            role.scope.rule if role and role.scope else "",
            placeholder='{"==": [{"var": "region"}, "North"]}',
            help="A JSONLogic rule. People with this role see only customers who match it; empty means all customers.",
        )
        with st.container(horizontal=True):
            is_saved = st.form_submit_button("Save role", type="primary", icon=":material/save:")
            is_deleted = role is not None and st.form_submit_button("Delete role", icon=":material/delete:")
    roles = services_of_process().roles
    if is_saved:
        change(lambda: roles.save(Role(name, title, frozenset(actions), _scope(scope))))
    elif is_deleted:
        change(lambda: roles.delete(name))


def _scope(text: str) -> Scope | None:
    if not text.strip():
        return None
    try:
        rule = json.loads(text)
    except ValueError as error:
        raise BadRole("The rule of the customers is not JSON.", f"{error}.", "Correct it.") from error
    services_of_process().segmentation.compile(rule)  # raises RuleError for one that cannot be used
    return Scope.of(rule)
