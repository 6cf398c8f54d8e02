"""What the routes of offer policies read and answer."""

import re
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loyalty_core.analytics.offers import OfferTerms, Policy, PolicyNotFound, PolicyVersion, SavedPolicy
from loyalty_core.api.json_values import JsonValue

_ID = re.compile(r"[a-z0-9-]{1,100}")


def _possible_id(policy_id: str) -> str:
    """Reject impossible ids before querying a database; PostgreSQL, for example, does not accept NUL."""
    if not _ID.fullmatch(policy_id):
        raise PolicyNotFound(policy_id)
    return policy_id


PolicyId = Annotated[str, AfterValidator(_possible_id)]
OfferId = Annotated[int, Field(ge=0, le=2**53)]
ExactVersion = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
Number = Annotated[float, Field(strict=True)]


class TermsBody(BaseModel):
    """The terms of one offer; omitted parts are neutral in a new policy and unchanged in a change.

    `lever` (0–5) is a factor, 1 for neutral and 0 to switch the offer off; `value` is money per conversion; `cap` is
    the largest number of customers who get the offer, null for no limit; `rule` is JSONLogic, `{}` for everyone.
    """

    model_config = ConfigDict(extra="forbid")

    lever: Number = 1.0
    value: Number = 1.0
    cap: Annotated[int, Field(strict=True)] | None = None
    rule: Any = Field(default_factory=dict)

    def applied_to(self, terms: OfferTerms) -> OfferTerms:
        """The terms with the parts that were given."""
        return replace(terms, **{name: getattr(self, name) for name in self.model_fields_set})


Terms = Annotated[dict[OfferId, TermsBody], Field(max_length=1_000)]


class TermsOfOffers(BaseModel):
    """The terms by offer id; an offer without terms is not available."""

    model_config = ConfigDict(extra="forbid")

    offers: Terms

    @property
    def policy(self) -> Policy:
        """The policy; raises `BadPolicy`."""
        return self.applied_to({})

    def applied_to(self, terms: Mapping[int, OfferTerms]) -> Policy:
        """A policy with these terms in place of its own; raises `BadPolicy`."""
        changed = {offer: own.applied_to(terms.get(offer, OfferTerms())) for offer, own in self.offers.items()}
        return Policy({**terms, **changed})


class PolicyBody(TermsOfOffers):
    """A new policy."""

    name: str


class PolicyUpdate(TermsOfOffers):
    """The next version of a policy, based on `version`."""

    version: ExactVersion


class PolicyPatch(TermsOfOffers):
    """The terms to change; with `version`, only if that is still the newest."""

    version: ExactVersion | None = None


class TermsAnswer(BaseModel):
    """The terms of one offer."""

    lever: float
    value: float
    cap: int | None
    rule: JsonValue


class PolicyAnswer(BaseModel):
    """A saved policy: the terms by offer id."""

    id: str
    name: str
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str
    offers: dict[str, TermsAnswer]


class PoliciesAnswer(BaseModel):
    """Policies by name."""

    policies: list[PolicyAnswer]


class PolicyVersionAnswer(BaseModel):
    """A policy as it was saved once."""

    number: int
    at: datetime
    actor: str
    name: str
    offers: dict[str, TermsAnswer]


class PolicyVersionsAnswer(BaseModel):
    """All versions, newest first."""

    versions: list[PolicyVersionAnswer]


def policy_answer(saved: SavedPolicy | PolicyVersion) -> dict[str, Any]:
    """A `PolicyAnswer`, or a `PolicyVersionAnswer`."""
    parts = {part.name: getattr(saved, part.name) for part in fields(saved) if part.name != "policy"}
    return parts | {"offers": {str(offer): asdict(terms) for offer, terms in saved.policy.offers.items()}}
