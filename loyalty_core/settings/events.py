"""The settings of events about customers, and of the Kafka that they come from."""

import json
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from loyalty_core.names import between_commas

# What the product decides itself: the consumer could lose or repeat messages otherwise.
_OWN_OPTIONS = {"bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store"}


class EventSettings(BaseSettings):
    """Part of `Settings`."""

    events_worker: Literal["server", "separate"] = Field(
        "server",
        description="Who consumes and applies events: the server as well, or only `loyalty events`",
    )
    events_together_seconds: float = Field(
        0.5, ge=0, le=60, description="Events of a customer within this many seconds are applied together"
    )
    events_max_attempts: int = Field(
        5, ge=1, le=100, description="An event that failed this often becomes a dead letter; outages do not count"
    )
    events_claim_seconds: float = Field(
        120, ge=1, le=3600, description="After this long without a result, a worker's events are taken over by another"
    )
    events_late_after_hours: float = Field(
        24, gt=0, description="An event that happened longer ago triggers no message"
    )
    events_max_waiting: int = Field(
        100_000, ge=1, description="While more events wait, Kafka is not read, and the API accepts no more"
    )
    events_days_kept: int = Field(
        90, ge=1, description="Applied events are removed after this many days; a copy that comes later is applied anew"
    )
    events_traces_kept_days: int = Field(
        30, ge=1, description="What each event caused, step by step, is removed after this many days"
    )
    events_changed_columns: dict[str, list[str]] = Field(
        {},
        description='Columns that events of a type change, such as {"customer.login": ["last_login_at"]}: only '
        "segments that depend on them are evaluated; for other types, all are",
    )
    events_overlay_seconds: float = Field(
        0,
        ge=0,
        le=86_400,
        description="For this long, the `features` that an event states count instead of what the warehouse has; "
        "0: never",
    )
    kafka_bootstrap_servers: str | None = Field(
        None, description="Kafka brokers, such as kafka1:9092,kafka2:9092; without them, nothing is consumed"
    )
    kafka_topics: tuple[str, ...] = Field(
        ("dwh.customer.updated", "dwh.transaction.created", "loyalty.events"),
        description="Topics with events about customers, separated by commas",
    )
    kafka_group: str = Field("loyalty-workbench", min_length=1, description="Consumer group, which shares the topics")
    kafka_options: dict[str, str | int | float | bool] = Field(
        {}, description='Further options of librdkafka, such as {"security.protocol": "SSL"}; never shown or logged'
    )

    @field_validator("kafka_topics", mode="before")
    @classmethod
    def _topics(cls, value: Any) -> Any:
        return tuple(between_commas(value)) if isinstance(value, str) else value

    @field_validator("events_changed_columns", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ValueError('JSON, such as {"customer.login": ["last_login_at"]}') from None

    @field_validator("kafka_options", mode="before")
    @classmethod
    def _options(cls, value: Any) -> Any:
        try:
            options = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ValueError('JSON, such as {"security.protocol": "SSL"}') from None
        if isinstance(options, dict) and not _OWN_OPTIONS.isdisjoint(options):
            raise ValueError(f"options other than {', '.join(sorted(_OWN_OPTIONS))}")
        return options
