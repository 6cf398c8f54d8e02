"""The settings of campaigns."""

from typing import Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings


class CampaignSettings(BaseSettings):
    """Part of `Settings`."""

    frequency_cap_messages: int | None = Field(
        None,
        ge=1,
        description="The most messages to one customer over all campaigns within frequency_cap_days; empty for no cap",
    )
    frequency_cap_days: int = Field(7, ge=1, le=3_660, description="The days that frequency_cap_messages counts")
    campaign_features_days_kept: int = Field(
        400,
        ge=1,
        description="The features of customers as they entered campaigns with a holdout are removed after this many "
        "days",
    )
    campaign_run_grace_minutes: int = Field(
        60,
        ge=1,
        description="A scheduled run that could not be made within this many minutes is recorded as missed, not made "
        "up for",
    )

    @field_validator("frequency_cap_messages", mode="before")
    @classmethod
    def _no_cap(cls, value: Any) -> Any:
        if value in {"0", 0}:
            raise ValueError("a number from 1: 0 would block everyone; leave it empty for no cap")
        return None if value == "" else value
