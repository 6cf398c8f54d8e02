"""One campaign: its state and what can be done with it, its results, whom it writes to, its texts and its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.access import Action, current_viewer, may
from loyalty_core.campaigns import CampaignNotFound
from loyalty_core.errors import LoyaltyError
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.campaigns import address, wording
from loyalty_core.ui.campaigns.dry_run import draw_dry_run
from loyalty_core.ui.campaigns.editor.view import draw_way_back
from loyalty_core.ui.campaigns.preview_view import draw_preview, draw_test_send
from loyalty_core.ui.campaigns.results_view import draw_results
from loyalty_core.ui.campaigns.runs_view import draw_runs
from loyalty_core.ui.campaigns.waterfall_view import draw_waterfall
from loyalty_core.ui.frame import browser_title
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign

_MENU = {
    "duplicate": ":material/content_copy: Duplicate",
    "end": ":material/stop_circle: End",
    "delete": ":material/delete: Delete",
}


def draw_detail(campaign_id: str) -> None:
    """The campaign's page."""
    draw_way_back()
    try:
        campaign = get_services().campaigns.repository.get(campaign_id)
    except CampaignNotFound as error:
        show_error(error, retry=False)
        return
    browser_title(campaign.name)
    _draw_heading(campaign)
    _draw_what_is_missing(campaign)
    _draw_tabs(campaign)


def _draw_heading(campaign: Campaign) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(escape(campaign.name), anchor=False, width="stretch")
        action = _draw_actions(campaign)
    badge = wording.STATE_BADGES[campaign.state]
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.badge(escape(badge.title, in_badge=True), icon=badge.icon, color=badge.color)
        if campaign.is_simulated:
            st.badge(
                "Simulated",
                icon=":material/science:",
                color="orange",
                help="Its events and messages are made up for the demo. Nothing leaves this machine.",
            )
        st.caption(escape(f"Owner {campaign.owner} · version {campaign.version} · {wording.state_note(campaign)}"))
    names = wording.segment_names()
    definition = campaign.definition
    st.caption(
        escape(
            f"Audience: {wording.audience_in_words(definition, names)} · Trigger: "
            f"{wording.trigger_in_words(definition.trigger, names)} · {wording.OFFER_TITLES[definition.offer.kind]}"
        )
    )
    if action is not None:
        try:
            _act(campaign, action)
        except LoyaltyError as error:
            show_error(error, retry=False)


def _draw_actions(campaign: Campaign) -> str | None:
    """The buttons that suit the state; returns the action that was chosen."""
    cannot_edit, cannot_run = refusal(Action.EDIT_CAMPAIGNS), refusal(Action.RUN_CAMPAIGNS)
    chosen: str | None = None
    if st.button("Edit", icon=":material/edit:", disabled=bool(cannot_edit), help=cannot_edit):
        address.open_editor(campaign.id)
    for action, title, icon, refused in _main_actions(campaign, cannot_edit, cannot_run):
        if st.button(title, icon=icon, type="primary", disabled=bool(refused), help=refused, key=f"campaign-{action}"):
            chosen = action
    if cannot_edit is None:
        can_end = campaign.state in {"running", "paused"} and cannot_run is None
        menu = ["duplicate", *(["end"] if can_end else []), "delete"]
        picked = st.menu_button(
            ":material/more_vert:", menu, help="More", key="campaign-menu", format_func=_MENU.__getitem__
        )
        chosen = picked or chosen
    return chosen


def _main_actions(
    campaign: Campaign, cannot_edit: str | None, cannot_run: str | None
) -> list[tuple[str, str, str, str | None]]:
    """(action, title, icon, why it is refused) of the state."""
    approve = ("approve", "Approve", ":material/approval:", refusal(Action.APPROVE_CAMPAIGNS))
    start = ("start", "Start", ":material/play_arrow:", cannot_run)
    match campaign.state:
        case "draft":
            if may(Action.RUN_CAMPAIGNS) and (may(Action.APPROVE_CAMPAIGNS) or campaign.is_approved):
                return [start]
            return [("submit", "Submit for approval", ":material/send:", cannot_edit)]
        case "awaiting_approval":
            return [approve, start] if campaign.is_approved else [approve]
        case "running":
            return [("pause", "Pause", ":material/pause:", cannot_run)]
        case "paused":
            return [("resume", "Resume", ":material/play_arrow:", cannot_run)]
        case _:
            return []


def _act(campaign: Campaign, action: str) -> None:
    repository, actor = get_services().campaigns.repository, current_viewer().id
    match action:
        case "duplicate":
            address.open_campaign(_duplicate(campaign, actor).id)
        case "end":
            _confirm_end(campaign)
        case "delete":
            _confirm_deletion(campaign)
        case "submit":
            repository.submit(campaign.id, actor=actor)
            st.rerun()
        case "approve":
            repository.approve(campaign.id, actor=actor, version=campaign.version)
            st.rerun()
        case "start":
            get_services().campaigns.start(campaign.id, actor=actor)
            st.rerun()
        case "pause":
            repository.pause(campaign.id, actor=actor)
            st.rerun()
        case _:
            get_services().campaigns.resume(campaign.id, actor=actor)
            st.rerun()


def _duplicate(campaign: Campaign, actor: str) -> Campaign:
    repository = get_services().campaigns.repository
    taken = {one.name.casefold() for one in repository.list()}
    names = (f"{campaign.name} ({number})" for number in range(2, 1_000))
    name = next(name for name in names if name.casefold() not in taken)
    return repository.duplicate(campaign.id, name, actor=actor)


@st.dialog("End campaign", icon=":material/stop_circle:")
def _confirm_end(campaign: Campaign) -> None:
    st.markdown(
        f"End **{escape(campaign.name)}**? Messages that wait are cancelled. A campaign that has ended cannot be "
        "started again; its results stay."
    )
    if st.button("End", type="primary", key="end-now"):
        try:
            get_services().campaigns.repository.end(campaign.id, actor=current_viewer().id)
        except LoyaltyError as error:
            show_error(error, retry=False)
            return
        st.rerun()


@st.dialog("Delete campaign", icon=":material/delete:")
def _confirm_deletion(campaign: Campaign) -> None:
    st.markdown(f"Delete **{escape(campaign.name)}** with its versions? This cannot be undone.")
    if st.button("Delete", type="primary", key="delete-now"):
        try:
            get_services().campaigns.repository.delete(campaign.id, actor=current_viewer().id)
        except LoyaltyError as error:
            show_error(error, retry=False)
            return
        address.open_list()


def _draw_what_is_missing(campaign: Campaign) -> None:
    missing = campaign.definition.missing()
    if missing and campaign.state in {"draft", "awaiting_approval"}:
        st.warning(
            "Before it can start:\n\n" + "\n".join(f"- {escape(one)}" for one in missing),
            icon=":material/checklist:",
        )


def _draw_tabs(campaign: Campaign) -> None:
    names = ["Results", "Who gets it", "Messages", "Runs", "Versions"]
    tabs = st.tabs(names, key="tab", on_change="rerun", bind="query-params")
    for tab, part in zip(tabs, (draw_results, _draw_audience, _draw_messages, draw_runs, _draw_versions), strict=True):
        if tab.open:
            with tab, errors_shown():
                part(campaign)


def _draw_audience(campaign: Campaign) -> None:
    draw_waterfall(campaign.definition, campaign, key="waterfall")
    draw_dry_run(campaign)


def _draw_messages(campaign: Campaign) -> None:
    if st.button("Messages of this campaign", icon=":material/outgoing_mail:", key="open-messages"):
        address.open_messages(campaign.name)
    draw_test_send(campaign)
    draw_preview(campaign, key="messages")


def _draw_versions(campaign: Campaign) -> None:
    for version in get_services().campaigns.repository.versions(campaign.id):
        with st.container(border=True):
            heading = f"Version {version.number} · {version.actor} · {formatting.moment(version.at)}"
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{escape(heading)}**", width="stretch")
                is_newest = version.number == campaign.version
                refused = refusal(Action.EDIT_CAMPAIGNS)
                if not is_newest and st.button(
                    "Restore", key=f"restore-{version.number}", type="tertiary", disabled=bool(refused), help=refused
                ):
                    get_services().campaigns.repository.restore(campaign.id, version.number, actor=current_viewer().id)
                    st.rerun()
            st.caption(escape(" ".join(version.changes)))
