"""The settings of contact data and of sending messages."""

import base64
import json
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, SecretStr, field_validator
from pydantic_settings import BaseSettings

ContactRole = Literal["consent", "email", "phone", "preferred_channel", "time_zone"]

DEFAULT_CONTACT_COLUMNS: dict[ContactRole, tuple[str, ...]] = {
    "consent": ("marketing_consent", "consent", "opt_in"),
    "email": ("email", "email_address"),
    "phone": ("phone", "phone_number"),
    "preferred_channel": ("preferred_channel", "channel"),
    "time_zone": ("time_zone", "timezone"),
}

_FROM = re.compile(r"[^<>@,;]*<[^<>@\s,;]+@[^<>@\s,;]+>|[^<>@\s,;]+@[^<>@\s,;]+")


class SendingSettings(BaseSettings):
    """Part of `Settings`."""

    contact_columns: dict[ContactRole, str | list[str]] = Field(
        {},
        description="Own columns for consent, email, phone, preferred_channel and time_zone: a name, or a list of "
        "names tried in order; without them, well-known names (docs/sending.md)",
    )
    contact_consent: Literal["column", "assumed"] = Field(
        "column",
        description="Whether consent is read from a column, or everyone in the warehouse is assumed to have consented",
    )
    public_url: str | None = Field(
        None,
        description="Address under which customers reach the app, such as https://crm.example.com or "
        "https://example.com/loyalty; e-mail campaigns need it for their unsubscribe links",
    )
    contact_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="Secret that signs unsubscribe links; without it, one is generated beside the state store's file",
    )
    campaigns_sender: Literal["server", "separate"] = Field(
        "server", description="Where messages are sent: in the server, or by `loyalty send` alone"
    )
    sending_per_second: dict[str, PositiveFloat] = Field(
        {"email": 10, "webhook": 50},
        description="Most messages per second of each channel, over all senders; a channel that is not named has no "
        "limit",
    )
    sending_max_attempts: int = Field(
        6, ge=1, le=20, description="A message that was refused for the moment this many times has failed"
    )
    sending_lease_seconds: int = Field(
        300, ge=30, description="A sender that has not reported for this long is taken for dead"
    )
    sending_when_in_doubt: Literal["ask", "again"] = Field(
        "ask",
        description="What happens to a message whose sender died while sending it: a person decides, or it is sent "
        "again where the receiver drops copies",
    )
    smtp_host: str | None = Field(None, min_length=1, description="Mail server; without it, no e-mail is sent")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to the mail server is encrypted"
    )
    smtp_user: str | None = Field(None, description="Account at the mail server; without it, none is used")
    smtp_password: SecretStr | None = Field(None, description="Its password")
    smtp_password_file: Path | None = Field(None, description="File whose first line is the password")
    smtp_timeout_seconds: float = Field(30, gt=0, le=300, description="How long to wait for the mail server")
    email_from: str | None = Field(None, description="Sender of e-mail, such as Nordic Club <club@example.com>")
    webhook_url: str | None = Field(None, description="Address that messages of the channel webhook are posted to")
    webhook_secret: SecretStr | None = Field(
        None, description="Secret that signs them, as the receiver has it: whsec_ and base64"
    )
    webhook_timeout_seconds: float = Field(10, gt=0, le=120, description="How long to wait for the receiver's answer")

    @field_validator("contact_columns", "sending_per_second", mode="before")
    @classmethod
    def _objects_from_json(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ValueError('JSON, such as {"email": "value"}') from None

    @field_validator("public_url", "webhook_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment or "@" in parts.netloc:
            raise ValueError("an address that begins with https://, without a name or password in it")
        return value

    @field_validator("public_url")
    @classmethod
    def _without_end(cls, value: str | None) -> str | None:
        if value and "?" in value:
            raise ValueError("an address without a query, such as https://crm.example.com")
        return value.rstrip("/") if value else value

    @field_validator("email_from")
    @classmethod
    def _one_address(cls, value: str | None) -> str | None:
        if value is not None and (any(ord(c) < 32 for c in value) or not _FROM.fullmatch(value)):
            raise ValueError("an address, or a name and an address: Nordic Club <club@example.com>")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _base64(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            text = value.get_secret_value().removeprefix("whsec_").rstrip("=")
            try:
                key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
            except ValueError:
                key = b""
            if len(key) < 24:
                raise ValueError("whsec_ and at least 24 random bytes in base64: `openssl rand -base64 32`")
        return value
