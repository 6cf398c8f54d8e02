"""`loyalty campaigns-history`: what campaigns sent, and the outcomes, as a file for training."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loyalty_core.access import terminal_command
from loyalty_core.campaigns.sending.history import write_history
from loyalty_core.errors import LoyaltyError
from loyalty_core.files import remedy_for
from loyalty_core.settings import get_settings
from loyalty_core.store import audit, prepare_store, shared_store

if TYPE_CHECKING:
    from collections.abc import Sequence


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; the exit code is 1 with one line on stderr where that is not possible."""
    parser = argparse.ArgumentParser(
        prog="loyalty campaigns-history",
        description="Write what campaigns have sent, and the outcomes, to a Parquet or CSV file for training.",
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write, ending in .parquet or .csv")
    parser.add_argument("--with-simulated", action="store_true", help="include the history of the demo's campaigns")
    options = parser.parse_args(arguments)
    try:
        settings = get_settings()
        prepare_store(settings.state_database_url)
        store = shared_store(settings.state_database_url)
        rows = write_history(store, options.out, with_simulated=options.with_simulated)
        with store.session() as session:
            details = {"rows": rows}
            audit.record(
                session,
                action="exported",
                subject_kind="campaign history",
                subject_id=options.out.name,
                details=details,
            )
    except LoyaltyError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        print(f"error: {options.out} cannot be written: {error.strerror}. {remedy_for(error)}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{rows:,} rows in {options.out}")  # noqa: T201
    return 0
