"""The policy being tried out: what it started with, the edits of the table, and its form in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.analytics.offers import MAX_LEVER, BadPolicy, OfferTerms, Policy, PolicyNotFound
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.messages import toast_error
from loyalty_core.ui.query_parameters import set_parameter
from loyalty_core.ui.segments.address import decode_rule, encode_rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.analytics.offers import SavedPolicy

POLICY, TERMS = "policy", "terms"
LEVER, VALUE, CAP = "Lever", "Value", "Cap"
_KEY = "offer-policy"
# Servers and proxies cut longer addresses off.
_LONGEST = 4_000


@dataclass
class PolicyDraft:
    """A policy as it is tried out, with the saved one it is to become a version of, None for a new one.

    `base` is what the table started with; its edits come on top. `generation` counts how often it was started again.
    """

    defaults: Policy
    base: Policy
    saved: SavedPolicy | None = None
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
    def faults(self) -> list[str]:
        """What was typed into the table and cannot be used, as sentences."""
        rows = st.session_state.get(self.table_key, {}).get("edited_rows", {})
        return [fault for cells in rows.values() for name, cell in cells.items() if (fault := _fault(name, cell))]

    @property
    def is_changed(self) -> bool:
        """Whether it is another than the saved policy, or than none at all."""
        return self.policy != (fitted(self.saved.policy, self.defaults) if self.saved else self.defaults)

    def begin(self, base: Policy, saved: SavedPolicy | None) -> None:
        """Start again from a policy."""
        self.base, self.saved = base, saved
        self.generation += 1

    def set_rule(self, offer: int, rule: Any) -> None:
        """Limit an offer to the customers who match a rule."""
        policy = self.policy
        self.begin(Policy({**policy.offers, offer: replace(policy.offers[offer], rule=rule)}), self.saved)

    def follow(self, defaults: Policy) -> None:
        """Take the values of another scope, unless the viewer has changed any."""
        if defaults == self.defaults:
            return
        untouched = self.saved is None and not self.is_changed
        self.defaults = defaults
        if untouched:
            self.begin(defaults, None)
        elif set(defaults.offers) != set(self.base.offers):
            self.begin(fitted(self.policy, defaults), self.saved)


def edited(base: Policy, rows: Mapping[int, Mapping[str, Any]]) -> Policy:
    """The policy with the edits of a table whose rows are its offers.

    An emptied cell returns to its first value; text that is not a number the cell can take changes nothing.
    """
    offers = dict(base.offers)
    for index, cells in rows.items():
        offer = list(offers)[int(index)]
        for column, cell in cells.items():
            if _fault(column, cell):
                continue
            offers[offer] = _with_cell(offers[offer], base.offers[offer], column, cell)
    return Policy(offers)


def fitted(policy: Policy, defaults: Policy) -> Policy:
    """A policy for the present offers: those it does not contain are off."""
    return Policy(
        {offer: policy.offers.get(offer, replace(terms, lever=0.0)) for offer, terms in defaults.offers.items()}
    )


def open_draft(defaults: Policy) -> PolicyDraft:
    """The draft of this session, else a new one from the address, else one with the defaults."""
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
    set_parameter(POLICY, draft.saved.id if draft.saved else "")
    set_parameter(TERMS, word if len(word) <= _LONGEST else "")
    return len(word) <= _LONGEST


def _read_address(draft: PolicyDraft) -> None:
    """What cannot be read is left out, with a message."""
    policy_id, word = st.query_params.get(POLICY), st.query_params.get(TERMS)
    try:
        if policy_id:
            saved = get_services().policies.get(policy_id)
            draft.begin(fitted(saved.policy, draft.defaults), saved)
        if word:
            draft.begin(fitted(Policy.from_json(decode_rule(word)), draft.defaults), draft.saved)
    except (PolicyNotFound, BadPolicy) as error:
        toast_error(error, icon=":material/link_off:")


def _with_cell(terms: OfferTerms, before: OfferTerms, column: str, cell: str | None) -> OfferTerms:
    given = formatting.read_number(cell or "")
    if column == LEVER:
        return replace(terms, lever=before.lever if given is None else given)
    if column == VALUE:
        return replace(terms, value=before.value if given is None else given)
    return replace(terms, cap=None if given is None else int(given))


def _fault(column: str, cell: str | None) -> str:
    """Why the text cannot be used in the column; blank when it can, as an empty one."""
    if not (cell or "").strip():
        return ""
    given = formatting.read_number(cell or "")
    if given is None:
        return f"“{cell}” is not a number. Write it like {formatting.number(1234.5)}."
    if column == LEVER and not 0 <= given <= MAX_LEVER:
        return f"A lever is from 0 to {formatting.number(MAX_LEVER)}, not {cell}."
    if column == CAP and (given < 0 or given != int(given)):
        return f"A cap is a whole number of customers, not {cell}."
    return ""
