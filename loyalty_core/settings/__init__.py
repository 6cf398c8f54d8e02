"""The settings of the product, read from the environment, `.env` and `loyalty.toml`."""

from loyalty_core.settings.database_url import PSYCOPG, with_driver, without_secrets
from loyalty_core.settings.models import DEFAULT_FEATURE_MAPPING, RfmMeasure
from loyalty_core.settings.predictions_place import MOCK_ENDING, PREDICTIONS, predictions_file
from loyalty_core.settings.recommended_mapping import recommend_mapping, recommended_mapping_file
from loyalty_core.settings.sending import DEFAULT_CONTACT_COLUMNS, ContactRole
from loyalty_core.settings.settings import DEFAULT_WAREHOUSE, Settings, get_settings
from loyalty_core.settings.table_name import split_table_name

__all__ = [
    "DEFAULT_CONTACT_COLUMNS",
    "DEFAULT_FEATURE_MAPPING",
    "DEFAULT_WAREHOUSE",
    "MOCK_ENDING",
    "PREDICTIONS",
    "PSYCOPG",
    "ContactRole",
    "RfmMeasure",
    "Settings",
    "get_settings",
    "predictions_file",
    "recommend_mapping",
    "recommended_mapping_file",
    "split_table_name",
    "with_driver",
    "without_secrets",
]
