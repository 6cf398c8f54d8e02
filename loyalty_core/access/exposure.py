"""The app answers other machines only if people sign in, or if a setting says that they need not."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from loyalty_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.settings import Settings


def require_protection(settings: Settings, address: str | None, trusted_headers: Mapping[str, str] | None) -> None:
    """Refuse to start where anybody on the network could act as the local user, or forge another user's name.

    `address` is what the server binds to (None: every interface); `trusted_headers` are Streamlit's
    `server.trustedUserHeaders`. Raises `SettingsError`.
    """
    if trusted_headers and settings.sign_in != "proxy":
        raise SettingsError(
            "server.trustedUserHeaders is set, so any client can act as anybody.",
            "These headers are safe only behind a proxy that removes them from what clients send.",
            "Remove it; with SIGN_IN=proxy, the settings TRUSTED_PROXIES and PROXY_USER_HEADER replace it.",
        )
    if settings.sign_in == "proxy" and not settings.trusted_proxies:
        raise SettingsError(
            "SIGN_IN is proxy, but TRUSTED_PROXIES names no proxy.",
            remedy="Set TRUSTED_PROXIES to its addresses, for example 10.0.0.5 or 10.0.0.0/24.",
        )
    if settings.sign_in == "off" and not settings.allow_network_without_sign_in and not is_loopback(address):
        raise SettingsError(
            f"The app would answer other machines ({address or 'all addresses'}) although nobody has to sign in.",
            "Everybody who reaches it could see and change everything.",
            "Set SIGN_IN (docs/access.md), or bind to 127.0.0.1 with server.address, or accept the risk with "
            "ALLOW_NETWORK_WITHOUT_SIGN_IN=true.",
        )


def is_loopback(address: str | None) -> bool:
    """Whether only this machine reaches what is bound to `address`: a loopback address, its name, or a Unix socket."""
    if not address:
        return False
    if address.startswith("unix://"):
        return True
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(address.strip("[]"), None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in found)
