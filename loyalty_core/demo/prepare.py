"""Preparation before the app starts: checks the settings, and creates the demo data on the first start."""

import sys

from loyalty_core.access import terminal_command
from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import DEFAULT_WAREHOUSE, Settings, get_settings, predictions_file


@terminal_command
def main() -> int:
    """Create the demo warehouse, its models, predictions and first segments where none are configured or present.

    Returns the exit code: 1 with one line on stderr when a setting or the warehouse cannot work. A training that
    fails does not keep the app from starting; the screens then say how to train.
    """
    try:
        settings = get_settings()
        if settings.dwh_url == Settings.model_fields["dwh_url"].default and not _is_complete(settings):
            # Imported when used: it takes two seconds of every later start, most of which need nothing of it.
            from loyalty_core.demo.first_start import create_what_is_missing  # noqa: PLC0415

            create_what_is_missing(settings)
    except LoyaltyError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _is_complete(settings: Settings) -> bool:
    """Whether an earlier start has created everything; predictions older than the warehouse may be of other data."""
    predictions = predictions_file(settings, DEFAULT_WAREHOUSE)
    return (
        (settings.ml_mock_mode or (settings.models_dir / "active.json").exists())
        and DEFAULT_WAREHOUSE.exists()
        and predictions.exists()
        and predictions.stat().st_mtime >= DEFAULT_WAREHOUSE.stat().st_mtime
    )


if __name__ == "__main__":
    sys.exit(main())
