"""The settings of the product, read from the environment, `.env` and `loyalty.toml`."""

from loyalty_core.settings.connected_warehouse import (
    CONNECTIONS_FOLDER,
    chosen_file,
    connection_file,
    connection_state,
    read_chosen,
    settings_of,
    with_password,
)
from loyalty_core.settings.database_url import PSYCOPG, with_driver, without_secrets
from loyalty_core.settings.models import DEFAULT_FEATURE_MAPPING, RfmMeasure
from loyalty_core.settings.predictions_place import MOCK_ENDING, PREDICTIONS, predictions_file
from loyalty_core.settings.recommended_mapping import recommend_mapping, recommended_mapping_file
from loyalty_core.settings.sending import DEFAULT_CONTACT_COLUMNS, ContactRole
from loyalty_core.settings.settings import (
    DEFAULT_WAREHOUSE,
    Settings,
    get_settings,
    is_currency_code,
    set_by_the_user,
)
from loyalty_core.settings.table_name import split_table_name

__all__ = [
    "CONNECTIONS_FOLDER",
    "DEFAULT_CONTACT_COLUMNS",
    "DEFAULT_FEATURE_MAPPING",
    "DEFAULT_WAREHOUSE",
    "MOCK_ENDING",
    "PREDICTIONS",
    "PSYCOPG",
    "ContactRole",
    "RfmMeasure",
    "Settings",
    "chosen_file",
    "connection_file",
    "connection_state",
    "get_settings",
    "is_currency_code",
    "predictions_file",
    "read_chosen",
    "recommend_mapping",
    "recommended_mapping_file",
    "set_by_the_user",
    "settings_of",
    "split_table_name",
    "with_driver",
    "with_password",
    "without_secrets",
]
