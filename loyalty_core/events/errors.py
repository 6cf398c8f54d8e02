"""Errors of events that users can act on."""

from __future__ import annotations

from loyalty_core.errors import LoyaltyError


class BadEvent(LoyaltyError):
    """A message cannot be used as an event."""

    code = "bad_event"


class ClaimLost(LoyaltyError):
    """Another worker has taken over events, because this one took too long; nothing of them was written here."""

    code = "claim_lost"


class WorkerEnded(LoyaltyError):
    """A claim on an event ran out, which counts as a failure of the event."""

    code = "worker_ended"

    def __init__(self) -> None:
        super().__init__(
            "The worker ended, or took too long, while it applied this event.",
            remedy="The log of the worker has the cause. Replay the event once that is solved.",
        )


class DeadLetterNotFound(LoyaltyError):
    """No dead letter has the given number."""

    code = "dead_letter_not_found"

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no dead letter {number}.", remedy="The list of dead letters has their numbers.")


class DeadLetterClosed(LoyaltyError):
    """A dead letter was replayed or discarded before."""

    code = "dead_letter_closed"


class EventNotFound(LoyaltyError):
    """No event has the given number."""

    code = "event_not_found"

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no event {number}.", remedy="The list of events has their numbers.")


class KafkaUnusable(LoyaltyError):
    """The consumer cannot be used as it is configured."""

    code = "kafka_unusable"
