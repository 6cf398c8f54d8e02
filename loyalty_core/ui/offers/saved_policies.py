"""Policies under a name: load one, save this one, look at its versions, delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.access import Action, current_viewer, may
from loyalty_core.analytics.offers import bind_policy
from loyalty_core.errors import LoyaltyError
from loyalty_core.services import get_services
from loyalty_core.store.versioned import MAX_NAME_LENGTH
from loyalty_core.ui import formatting
from loyalty_core.ui.fields import draw_text
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.offers.policy_state import fitted
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.analytics.offers import SavedPolicy
    from loyalty_core.ui.offers.policy_state import PolicyDraft

_NONE = ""
_LOAD = "policy-load"


def draw_saved_policies(draft: PolicyDraft) -> None:
    """Which policy this is, and what can be done with it."""
    saved = {one.id: one for one in get_services().policies.list()}
    st.session_state[_LOAD] = draft.saved.id if draft.saved and draft.saved.id in saved else _NONE
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Policy",
            [_NONE, *saved],
            format_func=lambda one: saved[one].name if one else "None: no levers, caps or rules",
            key=_LOAD,
            on_change=_load,
            args=(draft, saved),
            width=320,
        )
        # Under a key of its own for each beginning, so that it closes once the policy has been saved.
        refused = refusal(Action.EDIT_POLICIES)
        with st.popover(
            "Save as policy",
            key=f"policy-save-{draft.generation}",
            icon=":material/save:",
            type="primary",
            disabled=bool(refused),
            help=refused,
        ):
            _draw_save(draft)
        st.button(
            "Discard changes",
            key="policy-discard",
            icon=":material/undo:",
            disabled=not draft.is_changed,
            on_click=draft.begin,
            args=(fitted(draft.saved.policy, draft.defaults) if draft.saved else draft.defaults, draft.saved),
        )
        if draft.saved is not None:
            _draw_versions(draft, draft.saved)
    if draft.saved is not None:
        changed = " · changed since, not saved" if draft.is_changed else ""
        saved_by = f"saved by {draft.saved.updated_by}, {formatting.moment(draft.saved.updated_at)}"
        version = f"Version {draft.saved.version}, {saved_by}"
        st.caption(escape(version + changed))


def _load(draft: PolicyDraft, saved: dict[str, SavedPolicy]) -> None:
    chosen = saved.get(st.session_state[_LOAD])
    draft.begin(fitted(chosen.policy, draft.defaults) if chosen else draft.defaults, chosen)


def _draw_versions(draft: PolicyDraft, saved: SavedPolicy) -> None:
    with st.popover("Versions", icon=":material/history:"):
        for version in get_services().policies.versions(saved.id):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"**Version {formatting.count(version.number)}** · {escape(version.actor)} · "
                    f"{formatting.moment(version.at)}",
                    width="stretch",
                )
                st.button(
                    "Try",
                    key=f"policy-version-{version.number}",
                    type="tertiary",
                    on_click=draft.begin,
                    args=(fitted(version.policy, draft.defaults), saved),
                )
        if may(Action.EDIT_POLICIES) and st.button(
            "Delete the policy", key="policy-delete", icon=":material/delete:", type="tertiary"
        ):
            get_services().policies.delete(saved.id, actor=current_viewer().id)
            # What is on the screen stays, as a policy that is not saved.
            draft.begin(draft.policy, None)
            st.rerun()


def _draw_save(draft: PolicyDraft) -> None:
    name = draw_text(
        "Name",
        draft.saved.name if draft.saved else "",
        longest=MAX_NAME_LENGTH,
        key=f"policy-name-{draft.generation}",
    )
    st.caption("Levers, values, caps and rules. The same name saves a new version; another one, a new policy.")
    if st.button("Save", key="policy-save-now", type="primary", icon=":material/save:"):
        _save(draft, name)


def _save(draft: PolicyDraft, name: str) -> None:
    services, policy = get_services(), draft.policy
    is_same = draft.saved is not None and " ".join(name.split()).casefold() == draft.saved.name.casefold()
    try:
        bind_policy(policy, services.segmentation)
        saved = services.policies.save(
            name,
            policy,
            actor=current_viewer().id,
            expected_version=draft.saved.version if is_same and draft.saved else None,
        )
    except LoyaltyError as error:
        show_error(error)
        return
    draft.begin(fitted(saved.policy, draft.defaults), saved)
    st.rerun()
