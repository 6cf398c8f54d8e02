"""Whether to contact one customer, and what to do: the same advice on screens and in the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

AdviceReason = Literal[
    "left", "no_consent", "opt_outs_unknown", "contact_harms", "contact_helps", "effect_unknown", "nothing_known"
]


@dataclass(frozen=True)
class ContactAdvice:
    """`actions` are what to do; empty where the customer should not be contacted, or nothing is predicted."""

    contact: bool
    reason: AdviceReason
    sentence: str
    actions: tuple[str, ...] = ()


OPT_OUTS_UNKNOWN = ContactAdvice(
    False, "opt_outs_unknown", "No advice on contact: the state store cannot be read, and it has the opt-outs."
)


def advise(
    recommendations: Sequence[str], *, uplift: float | None, left: Sequence[str], has_consent: bool | None
) -> ContactAdvice:
    """Advice on one customer; the first of these that applies decides.

    `left` are the signs that the customer has already left, `has_consent` is None where it is not known, `uplift` is
    what a contact adds to the probability of a conversion, None without such a model, and `recommendations` are those
    for the customer's risk of churn, empty where it is not predicted.
    """
    if left:
        return ContactAdvice(
            False, "left", f"Do not contact about churn: this customer has already left ({'; '.join(left)})."
        )
    if has_consent is False:
        return ContactAdvice(False, "no_consent", "Do not contact: this customer has not consented to it.")
    if uplift is not None and uplift < 0:
        return ContactAdvice(
            False, "contact_harms", "Better not to contact: contact would make a conversion less likely."
        )
    if uplift is not None:
        helps = "Contact makes a conversion more likely." if uplift > 0 else "Contact neither helps nor harms."
        return ContactAdvice(True, "contact_helps", helps, tuple(recommendations))
    if not recommendations:
        return ContactAdvice(False, "nothing_known", "Nothing is predicted for this customer, so there is no advice.")
    unknown = "By the risk of churn alone: whether contact changes anything is not known without an uplift model."
    return ContactAdvice(True, "effect_unknown", unknown, tuple(recommendations))
