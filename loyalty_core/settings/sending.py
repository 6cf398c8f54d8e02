"""The settings of contact data and of sending messages."""

import json
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

ContactRole = Literal["consent", "email", "phone", "preferred_channel", "time_zone"]

DEFAULT_CONTACT_COLUMNS: dict[ContactRole, tuple[str, ...]] = {
    "consent": ("marketing_consent", "consent", "opt_in"),
    "email": ("email", "email_address"),
    "phone": ("phone", "phone_number"),
    "preferred_channel": ("preferred_channel", "channel"),
    "time_zone": ("time_zone", "timezone"),
}


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

    @field_validator("contact_columns", mode="before")
    @classmethod
    def _contact_columns_from_json(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ValueError('JSON, such as {"consent": "newsletter", "email": ["mail", "email"]}') from None
