"""What the campaign offers, in which variants, and by which channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads
from loyalty_core.ui.campaigns import wording
from loyalty_core.ui.campaigns.editor.fields import begin, draw_faults
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.offers.queries import OfferReader, default_policy
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.scope_reader import scoped_base

if TYPE_CHECKING:
    from loyalty_core.analytics.offers import SavedPolicy
    from loyalty_core.ui.campaigns.editor.draft import CampaignDraft

_FIRST_POLICY = "All offers"


def draw_offer(draft: CampaignDraft) -> None:
    """No offer, one for everyone, or each customer's best under a policy."""
    offer = draft.definition.offer
    kind = st.radio(
        "Offer",
        list(wording.OFFER_TITLES),
        format_func=wording.OFFER_TITLES.__getitem__,
        key=begin(draft, "offer", offer.kind),
    )
    content: dict[str, Any] = {"kind": kind}
    if kind == "fixed":
        content["offer_id"] = st.selectbox(
            "Which offer",
            _offer_ids(draft),
            format_func=wording.offer_title,
            key=begin(draft, "offer-id", offer.offer_id),
            placeholder="Choose an offer",
        )
    elif kind == "best":
        content["policy"] = _draw_policy(draft, offer.policy)
    draft.change("offer", content)
    draw_faults(draft, "offer")


def draw_channels(draft: CampaignDraft) -> None:
    """The channels in order of preference."""
    channels = draft.definition.channels
    use = st.multiselect(
        "Channels, the first choice first",
        list(wording.CHANNEL_TITLES),
        format_func=wording.channel_title,
        key=begin(draft, "channels", list(channels.use)),
        placeholder="Choose at least one channel",
        help="A customer who cannot be reached by the first channel is written to by the next. "
        "“Log only” reaches nobody: it is for trying things out.",
    )
    prefer = st.toggle(
        "The channel that the customer prefers goes first",
        key=begin(draft, "prefer", channels.prefer_column),
        disabled=len(use) < 2,
    )
    draft.change("channels", {"use": use, "prefer_column": prefer})
    draw_faults(draft, "channels")


def _draw_policy(draft: CampaignDraft, policy: str | None) -> str | None:
    saved = {one.id: one.name for one in get_services().policies.list()}
    if not saved:
        place = st.empty()
        with place.container():
            first = _draw_first_policy()
        if first is not None:
            place.empty()
            saved = {first.id: first.name}
            st.session_state[draft.key("policy")] = first.id
    return st.selectbox(
        "Offer policy",
        list(saved),
        format_func=saved.__getitem__,
        key=begin(draft, "policy", policy if policy in saved else None),
        placeholder="Choose a policy",
        help="The best offer is the one with the highest priority that the customer is eligible for.",
    )


def _draw_first_policy() -> SavedPolicy | None:
    """Says that there is no policy yet, and offers one by which all offers compete; the policy once it is saved."""
    st.info(
        "There is no offer policy yet. It says which offers compete, what each is worth, and who may get it. Save one "
        "on Next best offer, under Arbitration, or begin with all offers, for everybody.",
        icon=":material/local_offer:",
    )
    refused = refusal(Action.EDIT_POLICIES)
    if st.button(
        "Begin with all offers",
        icon=":material/add:",
        key="first-policy",
        disabled=bool(refused),
        help=refused or f"Saves the policy “{_FIRST_POLICY}”: each offer at the value that follows from the warehouse.",
    ):
        with errors_shown():
            policy = default_policy(OfferReader.of(scoped_base(None)).mix())
            return get_services().policies.save(_FIRST_POLICY, policy, actor=current_viewer().id)
    return None


def _offer_ids(draft: CampaignDraft) -> list[int]:
    named = {*cached_reads.offer_names(), *draft.definition.offer_ids}
    return sorted(named)
