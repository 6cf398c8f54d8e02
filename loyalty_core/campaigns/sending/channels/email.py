"""E-mail through a mail server, in plain text, with one-click unsubscribe (RFC 8058)."""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, ClassVar

import idna

from loyalty_core.campaigns.sending.channels.base import (
    SUBJECT_PREFIX_OF_TESTS,
    ChannelDown,
    MaybeSent,
    PermanentFailure,
    TemporaryFailure,
)
from loyalty_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loyalty_core.campaigns.sending.channels.base import Message
    from loyalty_core.settings import Settings

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_SERVICE_NOT_AVAILABLE = 421


class EmailChannel:
    """Sends by SMTP. The Message-ID is made of the message's key, but not every mailbox drops a second copy by it."""

    name: ClassVar[str] = "email"
    drops_copies: ClassVar[bool] = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def require_ready(self) -> None:
        settings = self._settings
        needed = {"SMTP_HOST": settings.smtp_host, "EMAIL_FROM": settings.email_from, "PUBLIC_URL": settings.public_url}
        missing = [name for name, value in needed.items() if not value]
        if missing:
            why = "E-mails need an address for their unsubscribe links." if missing == ["PUBLIC_URL"] else ""
            what = f"E-mail cannot be used: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set."
            raise SettingsError(what, why, "See docs/sending.md.")

    @contextmanager
    def opened(self) -> Iterator[Callable[[Message], None]]:
        self.require_ready()
        connection = _Connection(self._settings)
        try:
            yield lambda message: connection.send(as_email(message, str(self._settings.email_from)))
        finally:
            connection.close()


def as_email(message: Message, sender: str) -> EmailMessage:
    """The message as it goes over the wire; raises `PermanentFailure` where a header would have a line break."""
    name, address = parseaddr(sender)
    subject = f"{SUBJECT_PREFIX_OF_TESTS if message.is_test else ''}{message.subject}"
    if _CONTROL.search(subject):
        raise PermanentFailure("The subject has a line break or another control character.")
    email = EmailMessage(SMTP)
    email["From"] = Address(name, addr_spec=address)
    email["To"] = _recipient(message.address or "")
    email["Subject"] = subject
    email["Date"] = format_datetime(datetime.now(UTC))
    email["Message-ID"] = f"<{message.key}@{address.rpartition('@')[2]}>"
    # Answering machines leave such messages alone: by RFC 3834, and those of Exchange by a header of their own.
    email["Auto-Submitted"] = "auto-generated"
    email["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    if message.unsubscribe_url:
        email["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        email["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    email.set_content(message.body)
    return email


def _recipient(address: str) -> Address:
    """The address with its domain in ASCII."""
    local, _, domain = address.rpartition("@")
    try:
        if _CONTROL.search(address):
            raise ValueError("control character")
        return Address(addr_spec=f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}")
    except (ValueError, IndexError, idna.IDNAError) as error:
        raise PermanentFailure("The e-mail address of the customer is not valid.") from error


class _Connection:
    """A connection that is opened with the first message and reused; a broken one is replaced before the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None

    def send(self, email: EmailMessage) -> None:
        is_new = self._smtp is None
        try:
            self._begin(email)
        except smtplib.SMTPServerDisconnected:
            self.close()
            if is_new:
                raise ChannelDown("The mail server closed the connection.") from None
            # A server may close a connection that was used for a while; nothing of this message has been sent.
            self._begin_anew(email)
        self._hand_over(email)

    def close(self) -> None:
        if self._smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._smtp.quit()
            self._smtp.close()
            self._smtp = None

    def _begin_anew(self, email: EmailMessage) -> None:
        try:
            self._begin(email)
        except smtplib.SMTPServerDisconnected as error:
            self.close()
            raise ChannelDown("The mail server closed the connection.") from error

    def _begin(self, email: EmailMessage) -> None:
        """Name the sender and the recipient; nothing of the message has been sent afterwards."""
        smtp = self._open()
        try:
            recipient = _recipient_of(email)
            options = _options_for(smtp, recipient)
            _require(smtp, smtp.mail(email["From"].addresses[0].addr_spec, options), "The sender was refused.")
            _require(smtp, smtp.rcpt(recipient), "The recipient was refused.")
        except smtplib.SMTPServerDisconnected:
            raise
        except OSError as error:
            self.close()
            raise ChannelDown("The mail server does not answer.") from error

    def _hand_over(self, email: EmailMessage) -> None:
        assert self._smtp is not None  # noqa: S101 -- `_begin` has opened it
        content = email.as_bytes(policy=SMTP.clone(utf8=not _recipient_of(email).isascii()))
        try:
            code, answer = self._smtp.data(content)
        except smtplib.SMTPDataError as error:  # refused before any of it was sent
            _require(self._smtp, (error.smtp_code, error.smtp_error), "The message was refused.", is_refused=True)
            return
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise MaybeSent("The mail server took the message and did not confirm it.") from error
        _require(self._smtp, (code, answer), "The message was refused.")

    def _open(self) -> smtplib.SMTP:
        if self._smtp is None:
            try:
                self._smtp = _connect(self._settings)
            except (smtplib.SMTPException, OSError) as error:
                reason = f"{type(error).__name__}."
                raise ChannelDown("The mail server cannot be used.", reason) from error
        return self._smtp


def _recipient_of(email: EmailMessage) -> str:
    return email["To"].addresses[0].addr_spec


def _connect(settings: Settings) -> smtplib.SMTP:
    host, port, timeout = str(settings.smtp_host), settings.smtp_port, settings.smtp_timeout_seconds
    if settings.smtp_tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=timeout, context=ssl.create_default_context())
    else:
        smtp = smtplib.SMTP(host, port, timeout=timeout)
    try:
        if settings.smtp_tls == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            smtp.login(settings.smtp_user, _password(settings))
        smtp.ehlo_or_helo_if_needed()
    except BaseException:
        smtp.close()
        raise
    return smtp


def _password(settings: Settings) -> str:
    if settings.smtp_password_file is not None:
        return settings.smtp_password_file.read_text("utf-8").partition("\n")[0].rstrip("\r")
    return settings.smtp_password.get_secret_value() if settings.smtp_password else ""


def _options_for(smtp: smtplib.SMTP, recipient: str) -> list[str]:
    if recipient.isascii():
        return []
    if not smtp.has_extn("smtputf8"):
        raise PermanentFailure("The mail server does not support an address with letters outside ASCII.")
    return ["SMTPUTF8", "BODY=8BITMIME"]


def _require(smtp: smtplib.SMTP, answer: tuple[int, bytes | str], what: str, *, is_refused: bool = False) -> None:
    """Raise for a refusal, after which the connection is ready for the next message."""
    code, text = answer
    if code < 400 and not is_refused:
        return
    with suppress(smtplib.SMTPException, OSError):
        smtp.rset()
    # The server's words may quote the address, which is personal data.
    why = f"The mail server answered {code} {_enhanced(text)}".strip() + "."
    if code == _SERVICE_NOT_AVAILABLE:
        raise ChannelDown(what, why)
    if 400 <= code < 500:
        raise TemporaryFailure(what, why)
    raise PermanentFailure(what, why)


def _enhanced(text: bytes | str) -> str:
    """The enhanced status code (RFC 3463) that an answer begins with, such as 5.1.1."""
    found = re.match(r"\d\.\d{1,3}\.\d{1,3}", text if isinstance(text, str) else text.decode("latin-1"))
    return found.group() if found else ""
