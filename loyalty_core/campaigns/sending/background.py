"""A sender in a thread beside the server."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.campaigns.sending.sender import Sender

# A message that is being sent when the server stops gets so long; after that it will be in doubt.
_STOP_SECONDS = 30.0


class BackgroundSender:
    """Runs a sender from `start` to `stop`."""

    def __init__(self, make: Callable[[], Sender]) -> None:
        self._make = make
        self._sender: Sender | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send."""
        self._sender = self._make()
        self._thread = threading.Thread(target=self._sender.run, name="sender", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the sender finish its message; does nothing where none was started."""
        if self._sender is not None and self._thread is not None:
            self._sender.stop()
            self._thread.join(_STOP_SECONDS)
