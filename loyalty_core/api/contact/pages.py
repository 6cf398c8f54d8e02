"""The pages as plain HTML without scripts, in which nothing of the customer is shown but the choices."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from fastapi.responses import HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1.05rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.3; }
fieldset { border: 1px solid GrayText; border-radius: .4rem; margin: 0 0 1.25rem; padding: .75rem 1rem; }
label { display: block; padding: .35rem 0; }
input { width: 1.15rem; height: 1.15rem; margin-right: .5rem; vertical-align: -.15rem; }
button { font: inherit; padding: .6rem 1.2rem; border: 2px solid currentColor; border-radius: .4rem; cursor: pointer; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    # The address of the page is the authority to change the choices.
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
CHANNEL_LABELS = {
    "email": "E-mail",
    "webhook": "Other messages, such as texts or in the app",
    "log": "Messages",
}


def unsubscribe_page(channel: str, preferences_path: str) -> HTMLResponse:
    """Asks before anything is changed: programs that check links open it too."""
    body = (
        f"<p>Do you want to stop receiving offers by {_in_sentence(channel)}?</p>"
        '<form method="post"><button type="submit">Unsubscribe</button></form>'
        f'<p><a href="{escape(preferences_path)}">Choose what to receive instead</a></p>'
    )
    return _page("Unsubscribe", body)


def unsubscribed_page(channel: str, preferences_path: str) -> HTMLResponse:
    """Says that it is done."""
    body = (
        f'<p role="status">You will no longer receive offers by {_in_sentence(channel)}. '
        "A message that has already been sent may still arrive.</p>"
        f'<p><a href="{escape(preferences_path)}">Choose what to receive</a></p>'
    )
    return _page("You are unsubscribed", body)


def preferences_page(wanted: Mapping[str, bool], *, is_saved: bool = False) -> HTMLResponse:
    """A choice for each channel."""
    boxes = "".join(
        f'<label><input type="checkbox" name="{escape(channel)}"{" checked" if is_wanted else ""}>'
        f"{escape(CHANNEL_LABELS.get(channel, channel))}</label>"
        for channel, is_wanted in wanted.items()
    )
    body = (
        f"{'<p role=status>Your choice is saved.</p>' if is_saved else ''}"
        f'<form method="post"><fieldset><legend>Send me offers by</legend>{boxes}</fieldset>'
        '<button type="submit">Save</button></form>'
        "<p>To receive none, leave all boxes empty.</p>"
    )
    return _page("Your choices", body)


def refused_page(title: str, sentence: str, status: int) -> HTMLResponse:
    """A link that cannot be used, or not now."""
    return _page(title, f"<p>{escape(sentence)}</p>", status)


def _in_sentence(channel: str) -> str:
    return {"email": "e-mail"}.get(channel, "this way")


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    content = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(content, status, headers=_HEADERS)
