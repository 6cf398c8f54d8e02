"""Errors about messages, each with its remedy."""

from loyalty_core.errors import LoyaltyError


class TooManyTests(LoyaltyError):
    """Somebody sent so many tests that they may be meant for others."""

    code = "too_many_tests"


class TrialNotSent(LoyaltyError):
    """The channel did not take a test message."""

    code = "test_not_sent"


class MessageNotFound(LoyaltyError):
    """The outbox has no such message."""

    code = "message_not_found"

    def __init__(self, message_id: int) -> None:
        super().__init__(f"There is no message {message_id} in the outbox.", remedy="Choose one from the list.")


class NotInDoubt(LoyaltyError):
    """Only a message in doubt can be resolved."""

    code = "message_not_in_doubt"

    def __init__(self, message_id: int, status: str) -> None:
        super().__init__(
            f"Message {message_id} is not in doubt.",
            f"Its status is {status.replace('_', ' ')}.",
            "Reload the list; somebody else may have resolved it.",
        )
