"""The message for one customer: texts rendered with its features, the offer, and links to unsubscribe."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loyalty_core.campaigns.sending.templates import PREFERENCES_URL, UNSUBSCRIBE_URL, names_in, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.campaigns.contact import Contact
    from loyalty_core.campaigns.definition import Message as Template
    from loyalty_core.campaigns.sending.links import ContactLinks, Recipient
    from loyalty_core.warehouse.offers import OfferFacts

# Shown where a message is not sent, such as in a preview without PUBLIC_URL.
EXAMPLE_URL = "https://example.com/unsubscribe"


@dataclass(frozen=True)
class Composed:
    """A rendered message. `missing` names the values that the texts need and the customer does not have."""

    subject: str
    body: str
    address: str | None
    missing: tuple[str, ...]
    unsubscribe_url: str | None

    @property
    def missing_sentence(self) -> str:
        """Why such a message is not sent; "" where nothing is missing."""
        if not self.missing:
            return ""
        first = self.missing[0]
        return (
            f"{', '.join(self.missing)} {'is' if len(self.missing) == 1 else 'are'} blank for this customer. "
            f'Give a default: {{{{ {first} | default: "…" }}}}.'
        )


@dataclass(frozen=True)
class Offered:
    """The offer of a message."""

    id: int
    facts: OfferFacts | None

    @property
    def name(self) -> str:
        """Its name, or its number where it has none."""
        return self.facts.name if self.facts and self.facts.name is not None else f"Offer {self.id}"

    def values(self) -> dict[str, Any]:
        """What templates can read of it."""
        description = self.facts.description if self.facts else None
        return {"id": self.id, "name": self.name} | ({"description": description} if description is not None else {})


def compose(
    template: Template,
    *,
    campaign_name: str,
    channel: str,
    features: Mapping[str, Any],
    contact: Contact,
    offer: Offered | None,
    recipient: Recipient,
    links: ContactLinks | None,
) -> Composed:
    """Render the texts; without `links`, example links are used. Raises `BadTemplate`, `SettingsError`."""
    needs_links = channel == "email" or bool(_links_in(template))
    urls = _urls(links, recipient) if needs_links else {}
    values: dict[str, Any] = {
        "customer": {name: _for_liquid(value) for name, value in features.items() if value is not None},
        "offer": offer.values() if offer else {},
        "campaign": {"name": campaign_name},
        **urls,
    }
    subject, body = render(template.subject, values), render(template.body, values)
    text = body.text
    if channel == "email" and not _links_in(template):
        text = f"{text.rstrip()}\n\nUnsubscribe: {urls[UNSUBSCRIBE_URL]}\n"
    return Composed(
        subject=subject.text.strip(),
        body=text,
        address=contact.addresses.get(channel),
        missing=tuple(dict.fromkeys((*subject.missing, *body.missing))),
        unsubscribe_url=urls.get(UNSUBSCRIBE_URL),
    )


def _for_liquid(value: Any) -> Any:
    """Numbers as Liquid computes with them."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _links_in(template: Template) -> frozenset[str]:
    return (names_in(template.subject) | names_in(template.body)) & {UNSUBSCRIBE_URL, PREFERENCES_URL}


def _urls(links: ContactLinks | None, recipient: Recipient) -> dict[str, str]:
    if links is None:
        return {UNSUBSCRIBE_URL: EXAMPLE_URL, PREFERENCES_URL: EXAMPLE_URL}
    unsubscribe, preferences = links.unsubscribe_url(recipient), links.preferences_url(recipient)
    return {UNSUBSCRIBE_URL: unsubscribe, PREFERENCES_URL: preferences}
