"""The policy being tried out: what it began with, what the table's edits make of it, and its place in the address."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.analytics.offers import HIGHEST_LEVER, BadPolicy, OfferTerms, Policy, PolicyNotFound
from loyalty_core.services import get_services
from loyalty_core.ui.segments.address import decode_rule, encode_rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.analytics.offers import KeptPolicy

POLICY, TERMS = "policy", "terms"
LEVER, VALUE, CAP = "Lever", "Value", "Cap"
_KEY = "offer-policy"
# Servers and proxies cut longer addresses off.
_LONGEST = 4_000


@dataclass
class PolicyDraft:
    """A policy as it is tried out, with the kept one it is to become a version of, None for a new one.

    `base` is what the table began with; its edits come on top. `generation` counts the times that it began anew.
    """

    defaults: Policy
    base: Policy
    kept: KeptPolicy | None = None
    generation: int = 0

    @property
    def table_key(self) -> str:
        """The key of the table's widget; a new one forgets the edits."""
        return f"offer-terms-{self.generation}"

    @property
    def policy(self) -> Policy:
        """The policy with the edits of the table."""
        state = st.session_state.get(self.table_key, {})
        return edited(self.base, state.get("edited_rows", {}))

    @property
    def is_changed(self) -> bool:
        """Whether it is another than the kept policy, or than none at all."""
        return self.policy != (fitted(self.kept.policy, self.defaults) if self.kept else self.defaults)

    def begin(self, base: Policy, kept: KeptPolicy | None) -> None:
        """Begin anew with a policy."""
        self.base, self.kept = base, kept
        self.generation += 1

    def set_rule(self, offer: int, rule: Any) -> None:
        """Let the customers whom a rule holds for get the offer."""
        policy = self.policy
        self.begin(Policy({**policy.offers, offer: replace(policy.offers[offer], rule=rule)}), self.kept)

    def follow(self, defaults: Policy) -> None:
        """Take over the values of another scope, as long as nobody has set any."""
        if defaults == self.defaults:
            return
        untouched = self.kept is None and not self.is_changed
        self.defaults = defaults
        if untouched:
            self.begin(defaults, None)
        elif set(defaults.offers) != set(self.base.offers):
            self.begin(fitted(self.policy, defaults), self.kept)


def edited(base: Policy, rows: Mapping[int, Mapping[str, Any]]) -> Policy:
    """The policy with the edits of a table that has its offers as rows; a cell that was emptied goes back to normal."""
    offers = dict(base.offers)
    for place, cells in rows.items():
        offer = list(offers)[int(place)]
        for column, cell in cells.items():
            offers[offer] = _with_cell(offers[offer], base.offers[offer], column, cell)
    return Policy(offers)


def fitted(policy: Policy, defaults: Policy) -> Policy:
    """A policy for the offers there are now: those it does not know are off."""
    return Policy(
        {offer: policy.offers.get(offer, replace(terms, lever=0.0)) for offer, terms in defaults.offers.items()}
    )


def open_draft(defaults: Policy) -> PolicyDraft:
    """The policy as it was left, or begun with what the address asks for, or with none."""
    held: PolicyDraft | None = st.session_state.get(_KEY)
    if held is not None:
        held.follow(defaults)
        return held
    draft = PolicyDraft(defaults, defaults)
    _read_address(draft)
    st.session_state[_KEY] = draft
    return draft


def keep_in_address(draft: PolicyDraft) -> bool:
    """Put the policy into the address, by its id and what was changed; returns whether it fits there."""
    word = encode_rule(draft.policy.to_json()) if draft.is_changed else ""
    _set(POLICY, draft.kept.id if draft.kept else "")
    _set(TERMS, word if len(word) <= _LONGEST else "")
    return len(word) <= _LONGEST


def _read_address(draft: PolicyDraft) -> None:
    """What cannot be read is left out, and said."""
    policy_id, word = st.query_params.get(POLICY), st.query_params.get(TERMS)
    try:
        if policy_id:
            kept = get_services().policies.get(policy_id)
            draft.begin(fitted(kept.policy, draft.defaults), kept)
        if word:
            draft.begin(fitted(Policy.from_json(decode_rule(word)), draft.defaults), draft.kept)
    except (PolicyNotFound, BadPolicy) as error:
        st.toast(str(error), icon=":material/link_off:")


def _set(name: str, value: str) -> None:
    if value and st.query_params.get(name) != value:
        st.query_params[name] = value
    elif not value and name in st.query_params:
        del st.query_params[name]


def _with_cell(terms: OfferTerms, before: OfferTerms, column: str, cell: float | None) -> OfferTerms:
    given = None if cell is None or math.isnan(cell) else float(cell)
    if column == LEVER:
        return replace(terms, lever=before.lever if given is None else min(max(given, 0.0), HIGHEST_LEVER))
    if column == VALUE:
        return replace(terms, value=before.value if given is None else given)
    return replace(terms, cap=None if given is None else max(int(given), 0))
