"""Consent and addresses of customers: of one from its features, and of all as SQL over the features view.

Both readings agree for every value. A customer's own choices, made on the preference page or by an unsubscribe link,
are in the state store and take precedence over the warehouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import DEFAULT_CONTACT_COLUMNS
from loyalty_core.store.messages import ContactPreferenceRecord
from loyalty_core.warehouse.mapping import resolve_mapping

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from loyalty_core.settings import ContactRole, Settings

# The channel of a preference that is about all channels.
EVERY_CHANNEL = "*"
# Messages of these channels reach no customer, so they need no consent column.
INTERNAL_CHANNELS = frozenset({"log"})
# What a channel needs to know of the customer; the others need only the id.
_ADDRESSES: dict[str, ContactRole] = {"email": "email", "sms": "phone"}
_YES = ("1", "true", "t", "yes", "y", "on")
# Characters that end an address or begin another one in a header.
_NOT_IN_EMAIL = (" ", "\t", "\r", "\n", ",", ";", "<", ">", '"', "(", ")")
_MAX_EMAIL_LENGTH = 254
_SAME_CHANNEL = {"e-mail": "email", "mail": "email", "text": "sms"}


class ConsentUnknown(LoyaltyError):
    """No column says which customers consented to being contacted."""

    code = "consent_unknown"


@dataclass(frozen=True)
class Contact:
    """How one customer may be reached, as the warehouse says; `addresses` by channel, of those that need one."""

    has_consent: bool
    addresses: Mapping[str, str]
    preferred_channel: str | None
    time_zone: str | None

    def can_receive(self, channel: str) -> bool:
        """Whether the customer has what the channel needs."""
        return channel not in _ADDRESSES or channel in self.addresses


@dataclass(frozen=True)
class ContactColumns:
    """The columns of the features view that hold contact data; None where there is none."""

    consent: str | None
    email: str | None
    phone: str | None
    preferred_channel: str | None
    time_zone: str | None
    consent_is_assumed: bool = False

    @classmethod
    def of(cls, settings: Settings, column_names: Iterable[str]) -> ContactColumns:
        """Those of a view, by CONTACT_COLUMNS or by well-known names."""
        own = settings.contact_columns
        wanted = {role: own.get(role, list(names)) for role, names in DEFAULT_CONTACT_COLUMNS.items()}
        found = {feature.name: feature.column for feature in resolve_mapping(wanted, column_names)}
        return cls(**found, consent_is_assumed=settings.contact_consent == "assumed")

    def require_consent(self, channels: Collection[str]) -> None:
        """Raise `ConsentUnknown` where customers are to be written to and nothing says who consented."""
        reaching = [channel for channel in channels if channel not in INTERNAL_CHANNELS]
        if reaching and self.consent is None and not self.consent_is_assumed:
            raise ConsentUnknown(
                f"Nobody can be contacted by {' or '.join(reaching)}.",
                "No column of the features view says who consented.",
                'Name the column: CONTACT_COLUMNS={"consent": "column"}. If everyone in the warehouse has consented, '
                "set CONTACT_CONSENT=assumed.",
            )

    def contact(self, features: Mapping[str, Any]) -> Contact:
        """The contact data of one customer. Without a consent column consent counts as given: see `require_consent`."""
        addresses = {
            channel: address
            for channel, role in _ADDRESSES.items()
            if (address := _text(features, getattr(self, role))) and (role != "email" or is_email(address))
        }
        preferred = _text(features, self.preferred_channel).lower()
        return Contact(
            has_consent=self._consent_column is None or _is_yes(features.get(self._consent_column)),
            addresses=addresses,
            preferred_channel=_SAME_CHANNEL.get(preferred, preferred) or None,
            time_zone=_text(features, self.time_zone) or None,
        )

    def has_consent(self, view: sa.FromClause) -> sa.ColumnElement[bool]:
        """`Contact.has_consent` in SQL; never NULL."""
        column = self._consent_column
        return sa.true() if column is None else _yes_sql(view.columns[column])

    def can_receive(self, view: sa.FromClause, channel: str) -> sa.ColumnElement[bool]:
        """`Contact.can_receive` in SQL; never NULL."""
        role = _ADDRESSES.get(channel)
        if role is None:
            return sa.true()
        name = getattr(self, role)
        if name is None:
            return sa.false()
        text = _text_sql(view.columns[name])
        conditions = [text != "", *(_email_conditions(text) if role == "email" else ())]
        return sa.func.coalesce(sa.and_(*conditions), sa.false())

    def preferred(self, view: sa.FromClause) -> sa.ColumnElement[str | None]:
        """`Contact.preferred_channel` in SQL."""
        if self.preferred_channel is None:
            return sa.cast(sa.null(), sa.String())
        text = sa.func.lower(_text_sql(view.columns[self.preferred_channel]))
        return sa.case(*((text == name, channel) for name, channel in _SAME_CHANNEL.items()), else_=_filled(text))

    def zone(self, view: sa.FromClause) -> sa.ColumnElement[str | None]:
        """`Contact.time_zone` in SQL."""
        if self.time_zone is None:
            return sa.cast(sa.null(), sa.String())
        return _filled(_text_sql(view.columns[self.time_zone]))

    @property
    def _consent_column(self) -> str | None:
        return None if self.consent_is_assumed else self.consent


def opt_outs() -> sa.Select[str, str]:
    """Customers and the channels that they themselves do not want, `EVERY_CHANNEL` for all, in the state store."""
    refused = ContactPreferenceRecord.may_contact.is_(False)
    return sa.select(ContactPreferenceRecord.customer_id, ContactPreferenceRecord.channel).where(refused)


def opt_outs_of(session: Session, customer_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """The channels that each of the customers does not want; customers without any are left out."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(customer_ids), 500):
        wanted = opt_outs().where(ContactPreferenceRecord.customer_id.in_(customer_ids[start : start + 500]))
        for customer_id, channel in session.execute(wanted):
            found.setdefault(customer_id, set()).add(channel)
    return {customer_id: frozenset(channels) for customer_id, channels in found.items()}


def _text(features: Mapping[str, Any], column: str | None) -> str:
    value = features.get(column) if column else None
    return "" if value is None else str(value).strip(" ")


def _text_sql(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.trim(sa.cast(column, sa.String()))


def _filled(text: sa.ColumnElement[str]) -> sa.ColumnElement[str | None]:
    return sa.func.nullif(text, "")


def _is_yes(value: Any) -> bool:
    """Whether a value of a consent column says yes: TRUE, the number 1, or a word for yes. A blank is a no."""
    if isinstance(value, bool | int | float | Decimal):
        return value == 1
    return isinstance(value, str) and value.strip(" ").lower() in _YES


def _yes_sql(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    if isinstance(column.type, sa.Boolean):
        said: sa.ColumnElement[bool] = column.is_(True)
    elif isinstance(column.type, sa.Numeric | sa.Integer | sa.Float):
        said = column == 1
    else:
        said = sa.func.lower(_text_sql(column)).in_(_YES)
    return sa.func.coalesce(said, sa.false())


def is_email(text: str) -> bool:
    """Whether a text can be one address: something on either side of one @, and nothing that separates addresses."""
    before, _, after = text.partition("@")
    can_be_one = bool(before and after) and "@" not in after and len(text) <= _MAX_EMAIL_LENGTH
    return can_be_one and not any(character in text for character in _NOT_IN_EMAIL)


def _email_conditions(text: sa.ColumnElement[str]) -> list[sa.ColumnElement[bool]]:
    return [
        text.like("_%@_%"),
        text.not_like("%@%@%"),
        sa.func.length(text) <= _MAX_EMAIL_LENGTH,
        *(text.not_like(f"%{character}%") for character in _NOT_IN_EMAIL),
    ]
