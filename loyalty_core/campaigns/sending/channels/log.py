"""The channel that writes a line to the log: for trying out campaigns, and for everything that is simulated."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loyalty_core.campaigns.sending.channels.base import Message

_log = logging.getLogger(__name__)


class LogChannel:
    """Reaches nobody. The line has no personal data: neither the text nor the address."""

    name: ClassVar[str] = "log"
    drops_copies: ClassVar[bool] = True

    def require_ready(self) -> None:
        """Needs no setting."""

    @contextmanager
    def opened(self) -> Iterator[Callable[[Message], None]]:
        yield _write


def _write(message: Message) -> None:
    facts = {"key": message.key, "campaign": message.campaign_id, "characters": len(message.body)}
    _log.info("message sent to the log", extra=facts)
