"""Events about customers: accepted once, applied once, and what cannot be applied is reported."""

from loyalty_core.events.backlog import Backlog, TooManyEvents, read_backlog
from loyalty_core.events.dead_letters import DeadLetter, DeadLetters
from loyalty_core.events.errors import (
    BadEvent,
    ClaimLost,
    DeadLetterClosed,
    DeadLetterNotFound,
    EventNotFound,
    KafkaUnusable,
)
from loyalty_core.events.event import Event, Sequel
from loyalty_core.events.forms import Arrival, read_event, read_text
from loyalty_core.events.history import EventHistory, StoredEvent
from loyalty_core.events.inbox import Inbox, Patience, event_of
from loyalty_core.events.intake import Accepted, Intake, Unreadable
from loyalty_core.events.types import TYPES, EventType
from loyalty_core.events.worker import Worker

__all__ = [
    "TYPES",
    "Accepted",
    "Arrival",
    "Backlog",
    "BadEvent",
    "ClaimLost",
    "DeadLetter",
    "DeadLetterClosed",
    "DeadLetterNotFound",
    "DeadLetters",
    "Event",
    "EventHistory",
    "EventNotFound",
    "EventType",
    "Inbox",
    "Intake",
    "KafkaUnusable",
    "Patience",
    "Sequel",
    "StoredEvent",
    "TooManyEvents",
    "Unreadable",
    "Worker",
    "event_of",
    "read_backlog",
    "read_event",
    "read_text",
]
