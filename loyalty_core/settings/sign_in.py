"""The settings of sign-in, trusted proxies, host names and the audit trail."""

import ipaddress
import re
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from loyalty_core.names import between_commas

_HOST_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


class SignInSettings(BaseSettings):
    """Part of `Settings`."""

    sign_in: Literal["off", "openid", "proxy"] = Field(
        "off", description="How people sign in: not at all, by OpenID Connect, or by a trusted proxy (docs/access.md)"
    )
    allow_network_without_sign_in: bool = Field(
        False, description="The app may answer other machines although SIGN_IN is off"
    )
    sign_in_hours: float = Field(
        12, gt=0, le=24 * 30, description="How long a sign-in by OpenID Connect is valid; then people sign in again"
    )
    default_role: str | None = Field(
        None, description="Role of people who sign in for the first time; without it, they wait for an admin"
    )
    trust_unverified_email: bool = Field(
        False, description="Accept e-mail addresses that the identity provider does not mark as verified"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses or networks of the proxies whose headers are believed, separated by commas"
    )
    proxy_user_header: str = Field(
        "X-Forwarded-User", pattern="^[A-Za-z0-9-]+$", description="Header in which the trusted proxy names the user"
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="Names under which browsers reach the app, such as crm.example.com or *.example.com, separated by "
        "commas; localhost and addresses always work",
    )
    audit_days_kept: int = Field(730, ge=1, description="Events of the audit trail are removed after this many days")

    @field_validator("trusted_proxies", "allowed_hosts", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: Any) -> Any:
        return tuple(between_commas(value)) if isinstance(value, str) else value

    @field_validator("allowed_hosts")
    @classmethod
    def _host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name == "*" or _HOST_NAME.fullmatch(name) for name in value):
            raise ValueError("names without scheme, port and path, such as crm.example.com, *.example.com")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError("addresses or networks such as 10.0.0.5, 10.0.0.0/24") from None
        return value
