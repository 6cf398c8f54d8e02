"""Messages posted to an address of the company, signed as standardwebhooks.com describes it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import requests
from standardwebhooks import Webhook

from loyalty_core.campaigns.sending.channels.base import ChannelDown, MaybeSent, PermanentFailure, TemporaryFailure
from loyalty_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loyalty_core.campaigns.sending.channels.base import Message
    from loyalty_core.settings import Settings

_TOO_MANY = 429
_RETRY = frozenset({408, 425, _TOO_MANY})
# The receiver is set up wrongly rather than unwilling to take this message.
_MISCONFIGURED = frozenset({401, 403, 404, 405, 407})
_LONGEST_WAIT_SECONDS = 3600


class WebhookChannel:
    """Posts JSON with the headers webhook-id (the message's key), webhook-timestamp and webhook-signature.

    Receivers drop a second delivery with the same webhook-id. Redirects are not followed: they would carry the message
    to an address that nobody has configured.
    """

    name: ClassVar[str] = "webhook"
    drops_copies: ClassVar[bool] = True

    def __init__(self, settings: Settings) -> None:
        self._url = settings.webhook_url
        self._secret = settings.webhook_secret
        self._timeout = settings.webhook_timeout_seconds

    def require_ready(self) -> None:
        missing = [name for name, value in (("WEBHOOK_URL", self._url), ("WEBHOOK_SECRET", self._secret)) if not value]
        if missing:
            what = (
                f"The webhook cannot be used: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set."
            )
            raise SettingsError(what, remedy="See docs/sending.md.")

    @contextmanager
    def opened(self) -> Iterator[Callable[[Message], None]]:
        self.require_ready()
        with requests.Session() as session:
            yield lambda message: self._post(session, message)

    def _post(self, session: requests.Session, message: Message) -> None:
        body = _payload(message)
        try:
            # Not read: only the status says whether the message was taken.
            with session.post(
                str(self._url),
                data=body.encode(),
                headers=self._headers(message.key, body),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                _raise_for(answer)
        except requests.ConnectTimeout as error:
            raise ChannelDown("The receiver of webhooks does not answer.") from error
        except requests.Timeout as error:
            raise MaybeSent("The receiver of webhooks took the message and did not answer in time.") from error
        except requests.ConnectionError as error:
            if _never_connected(error):
                raise ChannelDown("The receiver of webhooks cannot be reached.") from error
            raise MaybeSent("The connection to the receiver of webhooks broke.") from error
        except requests.RequestException as error:
            raise ChannelDown("The webhook cannot be posted.", f"{type(error).__name__}.") from error

    def _headers(self, key: str, body: str) -> dict[str, str]:
        now = datetime.now(UTC)
        secret = self._secret.get_secret_value() if self._secret else ""
        return {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(key, now, body),
        }


def _payload(message: Message) -> str:
    data = {
        "message_id": message.key,
        "campaign_id": message.campaign_id,
        "campaign_name": message.campaign_name,
        "customer_id": message.customer_id,
        "offer_id": message.offer_id,
        "subject": message.subject,
        "body": message.body,
        "is_test": message.is_test,
    }
    queued = message.queued_at.isoformat()
    return json.dumps({"type": "campaign.message", "timestamp": queued, "data": data}, ensure_ascii=False)


def _raise_for(answer: requests.Response) -> None:
    status = answer.status_code
    if 200 <= status < 300:
        return
    what = f"The receiver of webhooks answered {status}."
    if 300 <= status < 400:
        raise ChannelDown(what, "Redirects are not followed.")
    if status in _MISCONFIGURED:
        raise ChannelDown(what)
    if status in _RETRY or status >= 500:
        raise TemporaryFailure(what, wait_seconds=_asked_to_wait(answer))
    raise PermanentFailure(what)


def _asked_to_wait(answer: requests.Response) -> float | None:
    """Seconds by the header Retry-After, where it is a number."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT_SECONDS) if text.isascii() and text.isdigit() else None


def _never_connected(error: requests.ConnectionError) -> bool:
    """Whether nothing can have been sent: urllib3 reports a failed connection by an error of its own."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return type(reason).__name__ in {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}
