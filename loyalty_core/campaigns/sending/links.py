"""Links by which customers change what they want to receive, signed so that nobody can make up another's."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from itsdangerous import BadData, URLSafeSerializer

from loyalty_core.errors import LoyaltyError, SettingsError
from loyalty_core.files import make_private_folder, sync

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore

API_PATH = "/api/loyalty/v1"
_FILE = "contact-secret"
_MAX_LENGTH = 2000


class BadLink(LoyaltyError):
    """The link was not made by this app, or is incomplete."""

    code = "bad_link"


@dataclass(frozen=True)
class Recipient:
    """Whom a link is about: the customer, and the message that it came with, None for none."""

    customer_id: str
    channel: str
    message_key: str | None = None


class ContactLinks:
    """Makes and reads the links. They do not expire, since messages are read late."""

    def __init__(self, settings: Settings, store: StateStore) -> None:
        self._settings = settings
        self._store = store
        self._serializer: URLSafeSerializer | None = None

    def unsubscribe_url(self, recipient: Recipient) -> str:
        """The page that asks, and the address of a one-click unsubscribe. Raises `SettingsError`."""
        return self._url("unsubscribe", recipient)

    def preferences_url(self, recipient: Recipient) -> str:
        """The page with a choice for each channel. Raises `SettingsError`."""
        return self._url("preferences", recipient)

    def read(self, token: str) -> Recipient:
        """The recipient of a link. Raises `BadLink`."""
        try:
            if len(token) > _MAX_LENGTH:
                raise BadData("too long")
            customer_id, channel, key = self._signed_by().loads(token)
            return Recipient(str(customer_id), str(channel), key if key is None else str(key))
        except (BadData, ValueError, TypeError) as error:
            what = "This link is not valid."
            raise BadLink(what, remedy="Open the link in the message again; it may have been cut off.") from error

    def token(self, recipient: Recipient) -> str:
        """The recipient, signed."""
        content: list[Any] = [recipient.customer_id, recipient.channel, recipient.message_key]
        return str(self._signed_by().dumps(content))

    def _url(self, page: str, recipient: Recipient) -> str:
        root = self._settings.public_url
        if root is None:
            raise SettingsError(
                "PUBLIC_URL is not set.",
                "Links in messages need the address under which customers reach the app.",
                "Set it, for example to https://crm.example.com.",
            )
        return f"{root}{API_PATH}/contact/{page}/{self.token(recipient)}/"

    def _signed_by(self) -> URLSafeSerializer:
        if self._serializer is None:
            self._serializer = URLSafeSerializer(self._secret(), salt="contact")
        return self._serializer

    def _secret(self) -> str:
        if self._settings.contact_secret is not None:
            return self._settings.contact_secret.get_secret_value()
        file = self._store.dialect.file_of(self._store.url)
        if file is None:
            raise SettingsError(
                "CONTACT_SECRET is not set.",
                "Where the state store is on a server, every process of the app needs the same secret.",
                "Set it to a random text: `openssl rand -base64 32`.",
            )
        return _secret_in(file.parent / _FILE)


def _secret_in(file: Path) -> str:
    """The secret in the file, which is made at the first use, for this account alone. Raises `SettingsError`."""
    try:
        if not file.exists():
            make_private_folder(file.parent)
            _make(file)
        secret = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        what = f"The secret of unsubscribe links cannot be read from {file}."
        raise SettingsError(what, f"{error}.", "Correct it, or set CONTACT_SECRET.") from error
    if len(secret) < 16:
        what = f"The secret of unsubscribe links in {file} is too short."
        raise SettingsError(what, remedy="Restore the file from a backup, or set CONTACT_SECRET.")
    return secret


def _make(file: Path) -> None:
    """Write the file whole under another name first; of two processes, the first one's stays."""
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(4)}.new")
    unfinished.touch(mode=0o600, exist_ok=False)
    try:
        unfinished.write_text(secrets.token_urlsafe(32), "ascii")
        sync(unfinished)
        with suppress(FileExistsError):
            file.hardlink_to(unfinished)
    finally:
        unfinished.unlink(missing_ok=True)
