"""All configuration of the product, from the environment, `.env` or `loyalty.toml`.

Precedence: constructor arguments, environment variables, `.env`, `loyalty.toml`, the warehouse that was connected in
the app, the mapping that is recommended for an embedded warehouse, defaults. Environment variables have the field names
in upper case: `ML_MOCK_MODE`, `DWH_URL`.
"""

import re
import zoneinfo
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from loyalty_core.errors import SettingsError
from loyalty_core.names import between_commas, nearest_names
from loyalty_core.settings.campaigns import CampaignSettings
from loyalty_core.settings.connected_warehouse import ConnectedWarehouse
from loyalty_core.settings.database_url import with_driver
from loyalty_core.settings.environment import NamedVariables
from loyalty_core.settings.errors import accepted_by, describe_faults, without_password
from loyalty_core.settings.events import EventSettings
from loyalty_core.settings.loyalty_toml import LoyaltyToml
from loyalty_core.settings.models import ModelSettings
from loyalty_core.settings.recommended_mapping import RecommendedMapping
from loyalty_core.settings.sending import SendingSettings
from loyalty_core.settings.sign_in import SignInSettings
from loyalty_core.settings.table_name import split_table_name

_REDIS_URL = re.compile(r"unix://.+|rediss?://(\S*@)?(\[[^\]\s]+\]|[^:/@\s]+)(:\d{1,5})?([/?].*)?$")

DEFAULT_WAREHOUSE = Path("data/warehouse.duckdb")


class Settings(CampaignSettings, EventSettings, ModelSettings, SendingSettings, SignInSettings):
    """All settings with defaults and descriptions; `docs/settings.md` lists them.

    Raises `SettingsError` with one line that names the setting, its value and what is allowed.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        enable_decoding=False,
        protected_namespaces=(),
    )

    dwh_url: str = Field(
        f"duckdb:///{DEFAULT_WAREHOUSE}",
        description="SQLAlchemy URL of the data warehouse",
    )
    dwh_customer_features_table: str = Field(
        "customer_features_view",
        description="Table or view with one row per customer; may be schema.table, parts may be quoted",
    )
    dwh_customer_id_column: str = Field(
        "customer_id", min_length=1, description="Column of the features view that identifies a customer"
    )
    dwh_transactions_table: str = Field(
        "transactions", description="Table of purchases for the customer page; may be absent"
    )
    dwh_nbo_training_query: str | None = Field(None, description="Query for offer history; `:start_date` may be used")
    dwh_uplift_training_query: str | None = Field(
        None, description="Query for treatment history; `:start_date` may be used"
    )
    dwh_churn_training_query: str | None = Field(None, description="Query for churn history; `:start_date` may be used")
    dwh_predictions_table: str = Field(
        "customer_predictions", description="Table that scoring writes and the screens read"
    )
    dwh_statement_timeout_seconds: float = Field(
        30, gt=0, le=3600, description="A warehouse statement that runs longer is stopped"
    )
    dwh_connect_timeout_seconds: int = Field(
        4, ge=1, le=60, description="How long to wait for the warehouse to accept a connection"
    )
    dwh_readable_folders: tuple[Path, ...] = Field(
        (),
        description="Folders whose files a view of the embedded warehouse may read, such as `read_parquet('…')`; "
        "without any, only the folder of the predictions",
    )
    dwh_pool_size: int = Field(5, ge=1, le=100, description="Warehouse connections open per process")
    dwh_catalog_ttl_seconds: float = Field(600, ge=0, description="Lifetime of cached column statistics")
    redis_url: str | None = Field(None, description="Redis for cached features; without it, memory is used")
    feature_cache_ttl_seconds: int = Field(
        300, ge=1, le=86_400 * 30, description="How long a customer's features are served from the cache"
    )
    feature_cache_max_customers: int = Field(
        50_000, ge=1, description="Customers in the memory cache; the oldest are removed first"
    )
    state_database_url: str = Field(
        "sqlite:///data/state.db",
        description="Database for the app's own state (SQLite or PostgreSQL)",
    )
    predictions_file: Path | None = Field(
        None,
        description="Parquet file for predictions where the warehouse takes none; "
        "without it, customer_predictions.parquet beside the embedded warehouse, else in data/",
    )
    predictions_runs_kept: int = Field(6, ge=2, description="Stored scoring runs, the current one included")
    predictions_months_kept: int = Field(
        12, ge=0, description="Months whose first scoring run is stored too, to measure its accuracy"
    )
    jobs_niceness: int = Field(
        10, ge=0, le=19, description="How far background jobs give way to the app on the processor; 19 is most"
    )
    exports_dir: Path = Field(Path("data/exports"), description="Folder of the files that exports prepare")
    exports_kept_days: int = Field(7, ge=1, description="Files that exports prepared are removed after this many days")
    exports_csv_bom: bool = Field(
        False, description="CSV files begin with a byte-order mark, by which Excel recognises UTF-8"
    )
    active_within_days: int = Field(
        90, ge=1, description="A customer who bought within this many days counts as active"
    )
    gone_after_days: int | None = Field(
        180,
        ge=1,
        description="Customers who have bought nothing for more than this many days have left, and are not contacted "
        "about churn",
    )
    gone_statuses: list[str] = Field(
        ["churned", "left", "lost", "closed", "cancelled", "canceled", "terminated", "former", "gone", "deleted"],
        description="Values of the status column that say that a customer has left",
    )
    gone_by_history: bool = Field(
        True, description="Customers whose label in the churn history says that they have left are not contacted either"
    )
    time_zone: str = Field("UTC", description="Time zone in which dates are shown and relative dates resolved")
    relative_dates: Literal["data", "calendar"] = Field(
        "data", description="What “in the last 30 days” counts from: the date of the data, or the present day"
    )
    currency: str = Field("EUR", description="ISO 4217 code used to show amounts")
    log_format: Literal["console", "json"] = Field("console", description="Form of the log: lines for people, or JSON")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least severe events that are logged; requests are INFO"
    )
    local_user: str = Field(
        "Local user",
        min_length=1,
        max_length=255,
        description="Name of whoever uses the app without sign-in, or a command in a terminal",
    )

    personal_columns: list[str] | None = Field(
        None,
        description="Columns with personal data, separated by commas; without it, those recognised by their names",
    )
    smallest_group_shown: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Whoever may not see personal data sees no group of fewer customers, and no single one; 0 is off",
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise describe_faults(error) from None
        except (UnicodeDecodeError, OSError) as error:
            raise SettingsError(f".env cannot be read: {error}.") from None

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name == "kafka_options" and value:  # some are passwords
                yield name, dict.fromkeys(value, "***")
            else:
                yield name, without_password(value) if name and name.endswith(("_url", "_uri")) and value else value

    @field_validator("personal_columns", mode="before")
    @classmethod
    def _from_commas(cls, value: Any) -> Any:
        return between_commas(value) if isinstance(value, str) else value

    @classmethod
    def _is_default(cls, value: object, info: ValidationInfo) -> bool:
        return info.field_name is not None and value == cls.model_fields[info.field_name].default

    @field_validator("dwh_url", "state_database_url")
    @classmethod
    def _database_url(cls, value: str, info: ValidationInfo) -> str:
        # The defaults can be used, and reading them would load SQLAlchemy in a process that needs nothing else of it.
        return value if cls._is_default(value, info) else accepted_by(with_driver, value)

    @field_validator("state_database_url")
    @classmethod
    def _state_dialect(cls, value: str, info: ValidationInfo) -> str:
        if cls._is_default(value, info):
            return value
        url = with_driver(value)
        if url.get_backend_name() not in {"sqlite", "postgresql"} or not url.database:
            raise ValueError("sqlite:///path/to/file.db or a postgresql:// URL with a database")
        return value

    @field_validator("dwh_customer_features_table", "dwh_transactions_table", "dwh_predictions_table")
    @classmethod
    def _table_name(cls, value: str) -> str:
        return accepted_by(split_table_name, value)

    @field_validator("redis_url")
    @classmethod
    def _redis_url(cls, value: str | None) -> str | None:
        if value is not None and not _REDIS_URL.match(value):
            raise ValueError("a redis://, rediss:// or unix:// URL, such as redis://user:password@host:6379/0")
        return value

    @field_validator("time_zone")
    @classmethod
    def _time_zone(cls, value: str, info: ValidationInfo) -> str:
        # Looking for a name among all of them reads several hundred files.
        if not cls._is_default(value, info) and value not in zoneinfo.available_timezones():
            nearest = nearest_names(value, zoneinfo.available_timezones(), min_similarity=80)
            hint = f"; nearest: {nearest[0]}" if nearest else ""
            raise ValueError(f"an IANA time zone such as Europe/Oslo{hint}")
        return value

    @field_validator("currency")
    @classmethod
    def _currency(cls, value: str) -> str:
        if not is_currency_code(value):
            raise ValueError("an ISO 4217 code of three capital letters such as EUR")
        return value

    @property
    def answered_hosts(self) -> tuple[str, ...]:
        """ALLOWED_HOSTS, and the name under which customers reach the app."""
        public = urlsplit(self.public_url).hostname if self.public_url else None
        return (*self.allowed_hosts, *([public] if public else []))

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del file_secret_settings
        return (
            init_settings,
            NamedVariables(settings_cls, env_settings),
            NamedVariables(settings_cls, dotenv_settings),
            LoyaltyToml(settings_cls),
            ConnectedWarehouse(settings_cls),
            RecommendedMapping(settings_cls),
        )


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()


class _FromTheUser(Settings):
    """The settings as environment, `.env` and `loyalty.toml` have them, without what the app itself has saved."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        every = super().settings_customise_sources(settings_cls, *sources, **named)
        return tuple(source for source in every if not isinstance(source, ConnectedWarehouse | RecommendedMapping))


def is_currency_code(text: str) -> bool:
    """Whether a text is written like an ISO 4217 code."""
    return re.fullmatch("[A-Z]{3}", text) is not None


def set_by_the_user() -> frozenset[str]:
    """The names of the settings that environment, `.env` or `loyalty.toml` set."""
    return frozenset(_FromTheUser(**{}).model_fields_set)
