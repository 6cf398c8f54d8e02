"""What customers themselves want to receive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from loyalty_core.campaigns.contact import EVERY_CHANNEL
from loyalty_core.campaigns.sending.outcomes import Outcome, record_outcome
from loyalty_core.store import audit
from loyalty_core.store.messages import ContactPreferenceRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from loyalty_core.campaigns.sending.links import Recipient
    from loyalty_core.store import StateStore

PREFERENCE_PAGE, ONE_CLICK = "preference page", "one-click"
# Whoever follows a link from a message is the customer, who is no viewer of the app.
_ACTOR = "customer"


def set_choice(session: Session, customer_id: str, channel: str, *, may_contact: bool, at: datetime, by: str) -> bool:
    """Store a customer's choice for a channel, and return whether that changed anything."""
    record = session.get(ContactPreferenceRecord, (customer_id, channel), with_for_update=True)
    if record is not None and record.may_contact == may_contact:
        return False
    if record is None:
        if may_contact:
            return False  # nothing was refused
        record = ContactPreferenceRecord(customer_id=customer_id, channel=channel)
        session.add(record)
    record.may_contact, record.changed_at, record.changed_by = may_contact, at, by
    return True


class Preferences:
    """Choices made by links in messages; each change is in the audit trail."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def refused(self, customer_id: str) -> frozenset[str]:
        """The channels that the customer does not want; `EVERY_CHANNEL` stands for all."""
        refused = select(ContactPreferenceRecord.channel).where(
            ContactPreferenceRecord.customer_id == customer_id, ContactPreferenceRecord.may_contact.is_(False)
        )
        with self._store.session(read_only=True) as session:
            return frozenset(session.scalars(refused))

    def unsubscribe(self, recipient: Recipient, *, by: str) -> None:
        """Send the customer nothing more by the channel of the message, which is counted as having caused it."""
        self._change(recipient, {recipient.channel: False}, by)

    def choose(self, recipient: Recipient, wanted: Mapping[str, bool]) -> None:
        """Store a choice for each of the channels; whoever wants one of them no longer refuses all."""
        choices = {**wanted, EVERY_CHANNEL: True} if any(wanted.values()) else {**wanted, EVERY_CHANNEL: False}
        self._change(recipient, choices, PREFERENCE_PAGE)

    def _change(self, recipient: Recipient, choices: Mapping[str, bool], by: str) -> None:
        try:
            self._write(recipient, choices, by)
        except IntegrityError:  # the same choice was made by another request at this very moment
            self._write(recipient, choices, by)

    def _write(self, recipient: Recipient, choices: Mapping[str, bool], by: str) -> None:
        customer_id = recipient.customer_id
        with self._store.session() as session:
            now = self._store.dialect.now(session)
            changed = {
                channel: may_contact
                for channel, may_contact in choices.items()
                if set_choice(session, customer_id, channel, may_contact=may_contact, at=now, by=by)
            }
            if not changed:
                return
            if not all(changed.values()) and recipient.message_key is not None:
                outcome = Outcome("unsubscribed", customer_id, now, message_key=recipient.message_key)
                record_outcome(session, outcome)
            audit.record(
                session,
                actor=_ACTOR,
                action="changed contact preferences",
                subject_kind="customer",
                subject_id=customer_id,
                details={"by": by, "may_contact": changed},
            )
