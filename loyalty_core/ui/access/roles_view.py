"""Roles: what each allows, and custom ones."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from loyalty_core.access import ROLES, Action, Role, Scope
from loyalty_core.accounts.errors import BadRole
from loyalty_core.services import services_of_process
from loyalty_core.ui.access.changes import change, confirm
from loyalty_core.ui.text import escape
from loyalty_core.warehouse import ScopeUnusable, check_scope

_NEW = "New role"


def draw_roles() -> None:
    """The table of roles and actions, and the form for custom roles. Needs MANAGE_ACCESS to change them."""
    roles = services_of_process().roles.all()
    _draw_table(list(roles.values()))
    st.caption("Built-in roles cannot be changed. A person with several roles may do what any of them allows.")
    st.subheader("Custom roles", anchor=False)
    custom = {name: role for name, role in roles.items() if name not in ROLES}
    chosen = st.selectbox(
        "Role", [_NEW, *custom], format_func=lambda name: custom[name].title if name in custom else name
    )
    _draw_form(custom.get(chosen))


def _draw_table(roles: list[Role]) -> None:
    permissions = pd.DataFrame({"Permission": [_capitalized(action) for action in Action]})
    for role in roles:
        permissions[role.name] = ["✓" if action in role.actions else "" for action in Action]
    permissions.loc[len(permissions)] = ["Customers", *("Some" if role.scope else "All" for role in roles)]
    columns = {role.name: st.column_config.TextColumn(role.title, alignment="center") for role in roles}
    st.dataframe(permissions, hide_index=True, width="stretch", height="content", column_config=columns)


def _capitalized(action: Action) -> str:
    return action.phrase[0].upper() + action.phrase[1:]


def _draw_form(role: Role | None) -> None:
    with st.form(f"role-{role.name if role else ''}"):
        name = st.text_input("Name", role.name if role else "", disabled=role is not None, placeholder="north_analyst")
        title = st.text_input("Title", role.title if role else "", placeholder="Analyst North")
        actions = st.multiselect(
            "Permissions",
            list(Action),
            default=sorted(role.actions) if role else [Action.VIEW],
            format_func=_capitalized,
        )
        scope = st.text_area(
            "Rule for customers",
            role.scope.rule if role and role.scope else "",
            placeholder='{"==": [{"var": "region"}, "North"]}',
            help="JSONLogic. People with this role see only the customers who match it. Empty means all customers.",
        )
        with st.container(horizontal=True):
            is_saved = st.form_submit_button("Save role", type="primary", icon=":material/save:")
            is_deleted = role is not None and st.form_submit_button("Delete role", icon=":material/delete:")
    roles = services_of_process().roles
    if is_saved:
        change(lambda: roles.save(Role(name, title, frozenset(actions), _scope(scope))))
    elif role is not None and is_deleted:
        confirm(
            "Delete role",
            f"Delete the role **{escape(role.title)}**? This cannot be undone.",
            "Delete",
            lambda: roles.delete(role.name),
        )


def _scope(text: str) -> Scope | None:
    if not text.strip():
        return None
    try:
        rule = json.loads(text)
    except ValueError as error:
        raise BadRole("The rule for customers is not valid JSON.", f"{error}.", "Correct the rule.") from error
    scope = Scope.of(rule)
    try:
        check_scope(services_of_process().warehouse, scope)
    except ScopeUnusable as error:
        remedy = "Correct the rule; it may read only the columns of the features view."
        raise BadRole("The rule for customers cannot be used.", error.why, remedy) from error
    return scope
