"""A sign-in as the identity provider or the trusted proxy reports it."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

PROXY = "proxy"
_LONGEST = 255
# Claims that differ from one sign-in to the next, by which one of them can be ended.
_OF_ONE_SIGN_IN = ("iss", "sub", "iat", "exp", "nonce", "sid", "at_hash")


@dataclass(frozen=True)
class SignIn:
    """Who has signed in. `email` is set only if it may be believed; `at` is None where the proxy does not say.

    `digest` identifies this one sign-in. Roles and groups among the claims are ignored: roles are in the state store.
    """

    issuer: str
    subject: str
    email: str | None
    name: str
    at: datetime | None
    digest: str

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any], *, trust_unverified_email: bool) -> SignIn | None:
        """The sign-in that OpenID Connect claims describe; None if they name nobody."""
        issuer, subject, issued = (claims.get(name) for name in ("iss", "sub", "iat"))
        if not (isinstance(issuer, str) and isinstance(subject, str) and issuer and subject):
            return None
        if not isinstance(issued, int | float) or isinstance(issued, bool):
            return None
        email = claims.get("email")
        is_believed = claims.get("email_verified") is True or trust_unverified_email
        name = claims.get("name") or claims.get("preferred_username") or email or subject
        text = json.dumps([claims.get(name) for name in _OF_ONE_SIGN_IN], default=str)
        return cls(
            issuer,
            subject,
            normalized_id(email) if isinstance(email, str) and is_believed else None,
            str(name)[:_LONGEST],
            datetime.fromtimestamp(issued, UTC),
            hashlib.sha256(text.encode()).hexdigest(),
        )

    @classmethod
    def from_proxy(cls, user: str) -> SignIn | None:
        """The sign-in of the user that the trusted proxy names; None for an empty name."""
        person_id = normalized_id(user)
        if person_id is None:
            return None
        digest = hashlib.sha256(f"{PROXY} {person_id}".encode()).hexdigest()
        return cls(PROXY, person_id, person_id, user.strip()[:_LONGEST], None, digest)

    @property
    def person_id(self) -> str:
        """The id that a new person gets: the e-mail address or the proxy's name, else the issuer and subject."""
        return self.email or f"{quote(self.issuer, safe=':/.')}#{quote(self.subject, safe='')}"[:_LONGEST]


def normalized_id(text: str) -> str | None:
    """An id as it is stored: without case; None if it is empty, too long or has spaces or control characters."""
    found = unicodedata.normalize("NFKC", text.strip()).casefold()
    is_plain = found and len(found) <= _LONGEST and found.isprintable() and " " not in found
    return found if is_plain else None
