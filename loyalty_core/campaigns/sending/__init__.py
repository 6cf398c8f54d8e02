"""Sending: the outbox and its senders, channels, texts, unsubscribe links, and the outcomes of messages.

The sender, the texts and the channels load Liquid and HTTP clients, so they are imported by their own names.
"""

from loyalty_core.campaigns.sending.errors import (
    MessageNotFound,
    NotInDoubt,
    TooManyTests,
    TrialNotSent,
)
from loyalty_core.campaigns.sending.links import BadLink, ContactLinks, Recipient
from loyalty_core.campaigns.sending.outbox import STATUSES, Outbox, Resolution, Status
from loyalty_core.campaigns.sending.outcomes import Outcome, Recorded, outcome_of_event, record_outcome, record_outcomes
from loyalty_core.campaigns.sending.preferences import Preferences
from loyalty_core.campaigns.sending.waiting import Waiting, WaitsFor, what_messages_wait_for

__all__ = [
    "STATUSES",
    "BadLink",
    "ContactLinks",
    "MessageNotFound",
    "NotInDoubt",
    "Outbox",
    "Outcome",
    "Preferences",
    "Recipient",
    "Recorded",
    "Resolution",
    "Status",
    "TooManyTests",
    "TrialNotSent",
    "Waiting",
    "WaitsFor",
    "outcome_of_event",
    "record_outcome",
    "record_outcomes",
    "what_messages_wait_for",
]
