"""The texts: one variant or several that are tested against each other, with a message for each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.campaigns import Variant
from loyalty_core.campaigns.definition import MAX_VARIANTS
from loyalty_core.campaigns.sending.templates import faults_of
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.campaigns import wording
from loyalty_core.ui.campaigns.editor.fields import begin, draw_faults
from loyalty_core.ui.fields import draw_fault
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.ui.campaigns.editor.draft import CampaignDraft

_WITH_SUBJECT = {"email"}
_LETTERS = "ABCDEFGHIJ"


def draw_messages(draft: CampaignDraft) -> None:
    """The variants, each in a tab of its own, and a field for each channel in use."""
    variants = draft.definition.variants
    _draw_variant_buttons(draft)
    tabs = (
        st.tabs([f"Variant {escape(variant.name)}" for variant in variants]) if len(variants) > 1 else [st.container()]
    )
    content = []
    for number, (tab, variant) in enumerate(zip(tabs, variants, strict=True)):
        with tab:
            content.append(_draw_variant(draft, number, variant, alone=len(variants) == 1))
    draft.change("variants", content)
    draw_faults(draft, "variants")
    total = sum(variant.share for variant in draft.definition.variants)
    if abs(total - 100) > 1e-6:
        draw_fault(f"The shares add up to {formatting.number(round(total, 2))}%, not 100%.")
    _draw_help()


def _draw_variant_buttons(draft: CampaignDraft) -> None:
    variants = draft.definition.variants
    with st.container(horizontal=True):
        st.button(
            "Add a variant",
            icon=":material/add:",
            key=draft.key("add-variant"),
            disabled=len(variants) >= MAX_VARIANTS,
            on_click=_add_variant,
            args=(draft,),
            help="Customers are divided at random among the variants, and the results compared.",
        )
        if len(variants) > 1:
            st.button(
                f"Remove variant {escape(variants[-1].name)}",
                icon=":material/remove:",
                key=draft.key("remove-variant"),
                type="tertiary",
                on_click=_remove_variant,
                args=(draft,),
            )


def _add_variant(draft: CampaignDraft) -> None:
    taken = {variant.name for variant in draft.definition.variants}
    name = next(letter for letter in _LETTERS if letter not in taken)
    source = draft.definition.variants[-1]
    _share_evenly(draft, (*draft.definition.variants, Variant(name, messages=dict(source.messages))))


def _remove_variant(draft: CampaignDraft) -> None:
    _share_evenly(draft, draft.definition.variants[:-1])


def _share_evenly(draft: CampaignDraft, variants: Sequence[Variant]) -> None:
    """Give all variants the same share, and fill the fields again."""
    shares = [round(100 / len(variants), 2)] * len(variants)
    shares[-1] = round(100 - sum(shares[:-1]), 2)
    content = draft.definition.to_json()["variants"]
    by_name = {one["name"]: one for one in content}
    draft.change(
        "variants",
        [
            by_name.get(variant.name, {**content[-1], "name": variant.name}) | {"share": share}
            for variant, share in zip(variants, shares, strict=True)
        ],
    )
    draft.refill()


def _draw_variant(draft: CampaignDraft, number: int, variant: Variant, *, alone: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"name": variant.name, "share": variant.share, "offer_id": variant.offer_id}
    if not alone:
        content["share"] = st.number_input(
            "Share of the customers in %",
            min_value=0.0,
            max_value=100.0,
            step=5.0,
            format=formatting.NUMBER_FIELD,
            key=begin(draft, f"share-{number}", float(variant.share)),
            width=220,
        )
    messages = {name: {"subject": one.subject, "body": one.body} for name, one in variant.messages.items()}
    for channel in draft.definition.channels.use:
        messages[channel] = _draw_message(draft, number, channel, messages.get(channel, {}))
    return content | {"messages": messages}


def _draw_message(draft: CampaignDraft, number: int, channel: str, message: dict[str, str]) -> dict[str, str]:
    st.markdown(f"**{escape(wording.channel_title(channel))}**")
    subject = message.get("subject", "")
    if channel in _WITH_SUBJECT:
        subject = st.text_input("Subject", key=begin(draft, f"subject-{number}-{channel}", subject))
    body = st.text_area("Text", key=begin(draft, f"body-{number}-{channel}", message.get("body", "")), height=180)
    columns = get_services().warehouse.features.columns.keys()
    for fault in dict.fromkeys((*faults_of(subject, columns), *faults_of(body, columns))):
        draw_fault(fault)
    return {"subject": subject, "body": body}


def _draw_help() -> None:
    # A name with other characters cannot be written after a point.
    names = [column.name for column in get_services().warehouse.features.columns if column.name.isidentifier()]
    example = _example(names)
    with st.expander("What a text can contain", icon=":material/help:"):
        st.markdown("Texts are Liquid templates, for example:")
        examples = (
            f"{{{{ customer.{example} }}}}",
            f"{{{{ customer.{example} | default: 'friend' }}}}",
            f"{{% if customer.{example} == '…' %}} … {{% endif %}}",
            "{{ offer.name }}, {{ offer.description }}",
            "{{ campaign.name }}",
            "{{ unsubscribe_url }}, {{ preferences_url }}",
        )
        st.code("\n".join(examples), language=None, wrap_lines=True)
        st.markdown(
            "`customer` has the columns of the features view, of the customer who is written to; `default` gives "
            "another text where one is blank. `offer` is the one that was chosen, and the two addresses are the "
            "customer's own. Nothing in a customer's data is read as a template."
        )
        st.caption(f"The columns of this warehouse: {escape(', '.join(names))}.")


def _example(names: Sequence[str]) -> str:
    """A column that people might write into a message: a name, else a category, else any."""
    services = get_services()
    columns = services.warehouse.catalog().columns
    texts = (column.name for column in columns if column.kind == "text" and column.top_values)
    categories = [name for name in texts if name in names]
    return next(iter([*services.features.name_columns(), *categories, *names]), "name")
