"""Unsubscribe and preference pages. The signed token in the address is the authority; nobody signs in.

A GET changes nothing, since mail scanners and previews open links. A POST does, from the page or from a mail client
(RFC 8058), which sends no cookie, and an origin of its own or none.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from cachetools import TTLCache
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from loyalty_core.api.access import open_to_all
from loyalty_core.api.contact.pages import preferences_page, refused_page, unsubscribe_page, unsubscribed_page
from loyalty_core.api.query_parameters import accept_unknown_parameters
from loyalty_core.campaigns.contact import EVERY_CHANNEL
from loyalty_core.campaigns.sending import BadLink
from loyalty_core.campaigns.sending.preferences import ONE_CLICK, PREFERENCE_PAGE
from loyalty_core.errors import LoyaltyError
from loyalty_core.services import services_of_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.campaigns.sending import Recipient

# Trackers of links add parameters to them.
router = APIRouter(prefix="/contact", include_in_schema=False)
_OPEN = [open_to_all, accept_unknown_parameters]

_MAX_BODY = 10_000
_MAX_BAD_LINKS, _WINDOW_SECONDS = 30, 60
_bad_links: TTLCache[str, int] = TTLCache(10_000, _WINDOW_SECONDS)
_lock = Lock()


@router.get("/unsubscribe/{token}/", dependencies=_OPEN)
async def show_unsubscribe(token: str, request: Request) -> Response:
    """Ask whether to unsubscribe."""
    return await _answer(token, request, lambda recipient: unsubscribe_page(recipient.channel, _preferences_of(token)))


@router.post("/unsubscribe/{token}/", dependencies=_OPEN)
async def unsubscribe(token: str, request: Request) -> Response:
    """Unsubscribe, whatever the body is."""
    is_one_click = b"One-Click" in (await request.body())[:_MAX_BODY]

    def change(recipient: Recipient) -> Response:
        services_of_process().contact_preferences.unsubscribe(
            recipient, by=ONE_CLICK if is_one_click else PREFERENCE_PAGE
        )
        return unsubscribed_page(recipient.channel, _preferences_of(token))

    return await _answer(token, request, change)


@router.get("/preferences/{token}/", dependencies=_OPEN)
async def show_preferences(token: str, request: Request) -> Response:
    """Show what the customer wants to receive."""
    return await _answer(token, request, lambda recipient: preferences_page(_wanted(recipient)))


@router.post("/preferences/{token}/", dependencies=_OPEN)
async def save_preferences(token: str, request: Request) -> Response:
    """Save a choice for each channel: those that the form names are wanted."""
    body = (await request.body())[:_MAX_BODY].decode("utf-8", "replace")
    chosen = parse_qs(body, keep_blank_values=True)

    def change(recipient: Recipient) -> Response:
        services_of_process().contact_preferences.choose(
            recipient, {channel: channel in chosen for channel in _channels(recipient)}
        )
        return preferences_page(_wanted(recipient), is_saved=True)

    return await _answer(token, request, change)


async def _answer(token: str, request: Request, act: Callable[[Recipient], Response]) -> Response:
    """Do what the recipient of the link asks for; whoever tries many links that are not valid is stopped."""
    try:
        recipient = await run_in_threadpool(services_of_process().contact_links.read, token)
    except BadLink as error:
        if _tries_too_often(request):
            return refused_page("Too many links", "Wait a minute, and open the link in the message again.", 429)
        return refused_page("This link is not valid", error.remedy, 404)
    except LoyaltyError:
        return _not_now()
    try:
        return await run_in_threadpool(act, recipient)
    except LoyaltyError:
        return _not_now()


def _not_now() -> Response:
    return refused_page("Not possible now", "Please try again later: your choice has not been saved.", 503)


def _tries_too_often(request: Request) -> bool:
    address = request.client.host if request.client else ""
    with _lock:
        _bad_links[address] = tries = _bad_links.get(address, 0) + 1
    return tries > _MAX_BAD_LINKS


def _channels(recipient: Recipient) -> list[str]:
    """Those that the customer may choose: of this message, and all that the app can send by."""
    settings = services_of_process().settings
    configured = [("email", settings.smtp_host), ("webhook", settings.webhook_url)]
    return list(dict.fromkeys([recipient.channel, *(channel for channel, setting in configured if setting)]))


def _wanted(recipient: Recipient) -> dict[str, bool]:
    refused = services_of_process().contact_preferences.refused(recipient.customer_id)
    return {channel: not refused & {EVERY_CHANNEL, channel} for channel in _channels(recipient)}


def _preferences_of(token: str) -> str:
    """The address of the preference page, relative to that of the page for unsubscribing."""
    return f"../../preferences/{token}/"
