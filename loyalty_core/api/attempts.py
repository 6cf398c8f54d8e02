"""Failed attempts with API keys, limited for each network address."""

from __future__ import annotations

import ipaddress
from threading import Lock

from cachetools import TTLCache

from loyalty_core.errors import LoyaltyError

MAX_FAILURES = 10
WINDOW_SECONDS = 60
_ACCEPTED_SECONDS = 3600
_MAX_ADDRESSES = 10_000


class TooManyAttempts(LoyaltyError):
    """Too many keys from this address were not valid."""

    code = "too_many_attempts"
    retry_after = WINDOW_SECONDS

    def __init__(self) -> None:
        super().__init__(
            "Too many requests from your address had an API key that is not valid.",
            remedy=f"Wait {WINDOW_SECONDS} seconds, and correct the key.",
        )


class Attempts:
    """Counts failures by address.

    A key that was accepted within the last hour still works, so that one faulty client does not stop others that share
    its address.
    """

    def __init__(self) -> None:
        self._failures: TTLCache[str, int] = TTLCache(_MAX_ADDRESSES, WINDOW_SECONDS)
        self._accepted: TTLCache[str, bool] = TTLCache(_MAX_ADDRESSES, _ACCEPTED_SECONDS)
        self._lock = Lock()

    def refuse_if_too_many(self, address: str, digest: str) -> None:
        """Raises `TooManyAttempts` where the address has failed too often and the key is not known to be good."""
        with self._lock:
            if digest not in self._accepted and self._failures.get(_network(address), 0) >= MAX_FAILURES:
                raise TooManyAttempts

    def failed(self, address: str) -> None:
        with self._lock:
            network = _network(address)
            self._failures[network] = self._failures.get(network, 0) + 1

    def succeeded(self, digest: str) -> None:
        with self._lock:
            self._accepted[digest] = True


def _network(address: str) -> str:
    """One IPv6 client usually has a whole /64 to choose from."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
