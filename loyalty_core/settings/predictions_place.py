"""Where the Parquet file of predictions is."""

from pathlib import Path

from loyalty_core.settings.settings import DEFAULT_WAREHOUSE, Settings

PREDICTIONS = "customer_predictions"
MOCK_ENDING = "_mock"


def predictions_file(settings: Settings, database_file: Path | None) -> Path:
    """The Parquet file's place, as people and other programs know it: beside an embedded database.

    Mock predictions have a file of their own, so that they never replace real ones.
    """
    path = settings.predictions_file or (database_file or DEFAULT_WAREHOUSE).with_name(f"{PREDICTIONS}.parquet")
    return path.with_stem(f"{path.stem}{MOCK_ENDING}") if settings.ml_mock_mode else path
