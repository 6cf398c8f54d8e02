"""Streamlit's own sign-in, read in one place: its cookie, its sessions and its secrets.

What is used here of Streamlit's internals is pinned by tests/ui/test_sign_in.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.auth_util import get_cookie_with_chunks, get_secrets_auth_section
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from loyalty_core.access import Viewer, local_viewer
from loyalty_core.accounts import SignIn
from loyalty_core.errors import SettingsError
from loyalty_core.services import services_of_process
from loyalty_core.settings import Settings, get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope

_OF_A_PROVIDER = {"client_id", "server_metadata_url"}


def require_provider(settings: Settings) -> None:
    """Raises `SettingsError` if people are to sign in by OpenID Connect and no provider is configured."""
    if settings.sign_in != "openid":
        return
    auth = get_secrets_auth_section()
    missing = [name for name in ("redirect_uri", "cookie_secret") if not auth.get(name)]
    if missing or not providers():
        raise SettingsError(
            "SIGN_IN is openid, but no identity provider is configured.",
            f"The section [auth] of .streamlit/secrets.toml lacks {' and '.join(missing or ['a provider'])}.",
            "Copy .streamlit/secrets.example.toml and fill it in; docs/access.md explains it.",
        )


def providers() -> list[str | None]:
    """The names of the configured providers; None is one without a name."""
    auth = get_secrets_auth_section().to_dict()
    named: list[str | None] = [name for name, value in auth.items() if isinstance(value, dict) and _is_provider(value)]
    return [None, *named] if _is_provider(auth) else named


def has_tls() -> bool:
    """Whether browsers reach the app by HTTPS, as its own address in the secrets says."""
    return urlsplit(app_address()).scheme == "https"


def app_address() -> str:
    """The address to which the identity provider returns people, as the secrets have it; "" without one."""
    return str(get_secrets_auth_section().get("redirect_uri", ""))


def session_viewer() -> Viewer | None:
    """Whoever uses the session of this script run, callback or fragment; None outside of one, or for nobody.

    Raises `NotSignedIn` for a sign-in that has ended.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    settings, place = get_settings(), st.context.ip_address or "127.0.0.1"
    if settings.sign_in == "off":
        return local_viewer(settings, place)
    sign_in = session_sign_in(settings)
    return replace(services_of_process().viewers.of_sign_in(sign_in), place=place) if sign_in else None


def session_sign_in(settings: Settings) -> SignIn | None:
    """The sign-in of the session of this script run."""
    if settings.sign_in == "proxy":
        return SignIn.from_proxy(st.context.headers.get(settings.proxy_user_header) or "")
    return _from_claims(st.user.to_dict(), settings)


def sign_in_of_request(scope: Scope) -> SignIn | None:
    """The sign-in that a request brings: in the cookie, whose signature is verified, or in the proxy's header."""
    settings = get_settings()
    if settings.sign_in == "proxy":
        return SignIn.from_proxy(header_of(scope, settings.proxy_user_header.lower().encode()))
    cookies = cookies_of(scope)
    if USER_COOKIE_NAME not in cookies:
        return None
    secret = get_cookie_secret()

    def verified(name: str) -> bytes | None:
        return decode_signed_value(secret, name, cookies[name]) if name in cookies else None

    payload = get_cookie_with_chunks(verified, USER_COOKIE_NAME)
    return _from_claims(json.loads(payload), settings) if payload else None


def _from_claims(claims: Mapping[str, Any], settings: Settings) -> SignIn | None:
    if not claims.get("is_logged_in"):
        return None
    return SignIn.from_claims(claims, trust_unverified_email=settings.trust_unverified_email)


def header_of(scope: Scope, name: bytes) -> str:
    """The value of a header; empty if there is none, or more than one, which would be somebody's guess."""
    values = [value for found, value in scope["headers"] if found == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def cookies_of(scope: Scope) -> dict[str, str]:
    """The cookies of a request by name; none where they cannot be read."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header_of(scope, b"cookie")).items()}
    except CookieError:
        return {}


def _is_provider(section: Mapping[str, Any]) -> bool:
    return section.keys() >= _OF_A_PROVIDER
