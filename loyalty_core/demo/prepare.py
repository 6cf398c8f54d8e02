"""What `make run` does before the app starts: check the settings, and make what a newcomer does not have yet."""

import sys

from loyalty_core.demo.generate import generate
from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import DEFAULT_WAREHOUSE, Settings

_CUSTOMERS = 20_000


def main() -> int:
    """Make the demo warehouse when none is configured and none is there; one line on stderr when that fails."""
    try:
        uses_default = Settings().dwh_url == Settings.model_fields["dwh_url"].default
        if uses_default and not DEFAULT_WAREHOUSE.exists():
            print(f"No warehouse is configured: making a demo one with {_CUSTOMERS:,} customers …", flush=True)
            generate(DEFAULT_WAREHOUSE, customers=_CUSTOMERS)
    except LoyaltyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
