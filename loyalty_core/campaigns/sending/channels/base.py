"""What a channel is given, what it has to do, and how it says that it could not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

SUBJECT_PREFIX_OF_TESTS = "[Test] "


@dataclass(frozen=True)
class Message:
    """One message, ready to send. `key` is stable over all attempts, so that receivers can recognise a copy."""

    key: str
    channel: str
    campaign_id: str
    campaign_name: str
    customer_id: str
    address: str | None
    subject: str
    body: str
    offer_id: int | None
    queued_at: datetime
    unsubscribe_url: str | None = None
    is_test: bool = False


class NotSent(LoyaltyError):
    """A message was not sent."""

    code = "not_sent"


class PermanentFailure(NotSent):
    """This message will never be accepted; others may."""

    code = "message_refused"


class TemporaryFailure(NotSent):
    """This message was not accepted for the moment; the receiver has not got it."""

    code = "message_refused_for_now"

    def __init__(self, what: str, why: str = "", *, wait_seconds: float | None = None) -> None:
        super().__init__(what, why)
        self.wait_seconds = wait_seconds


class ChannelDown(TemporaryFailure):
    """The channel takes no messages at all; this one was not handed over, and no other will be."""

    code = "channel_down"


class MaybeSent(NotSent):
    """The message was handed over, and no answer came: the receiver may have got it."""

    code = "maybe_sent"


class Channel(Protocol):
    """A way to reach customers. `drops_copies` says that the receiver recognises a second copy by the message's key."""

    name: ClassVar[str]
    drops_copies: ClassVar[bool]

    def require_ready(self) -> None:
        """Raise `SettingsError` where a setting is missing."""
        ...

    def opened(self) -> AbstractContextManager[Callable[[Message], None]]:
        """A function that sends one message and returns once the receiver has it; one connection serves a batch.

        It raises `PermanentFailure`, `TemporaryFailure`, `ChannelDown` or `MaybeSent`, and is then ready for the next
        message.
        """
        ...
