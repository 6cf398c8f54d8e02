"""Sending: the outbox and its senders, channels, texts, unsubscribe links, and what became of the messages."""

from loyalty_core.campaigns.sending.channels import CHANNEL_NAMES, Channel, Message, all_channels
from loyalty_core.campaigns.sending.links import BadLink, ContactLinks, Recipient
from loyalty_core.campaigns.sending.outbox import Outbox
from loyalty_core.campaigns.sending.sender import Sender
from loyalty_core.campaigns.sending.templates import BadTemplate, faults_of, require_usable

__all__ = [
    "CHANNEL_NAMES",
    "BadLink",
    "BadTemplate",
    "Channel",
    "ContactLinks",
    "Message",
    "Outbox",
    "Recipient",
    "Sender",
    "all_channels",
    "faults_of",
    "require_usable",
]
