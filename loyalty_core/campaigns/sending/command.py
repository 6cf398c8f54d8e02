"""A sender in a process of its own; any number of them share the work."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

from loyalty_core.access import terminal_command
from loyalty_core.campaigns.sending.sender import Sender
from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import connection_state, get_settings
from loyalty_core.store import prepare_store, shared_store
from loyalty_core.telemetry.logs import configure_logging
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.offers import OfferCatalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.settings import Settings


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Send until SIGTERM or SIGINT, which let it finish its message; the exit code is 1 where it cannot begin."""
    parser = argparse.ArgumentParser(
        prog="loyalty send",
        description="Send the messages of campaigns that are due, beside or instead of the server's own sender.",
    )
    parser.add_argument("--once", action="store_true", help="send what is due now, and end")
    options = parser.parse_args(arguments)
    try:
        settings = get_settings()
        configure_logging(settings.log_format, settings.log_level)
        prepare_store(settings.state_database_url)
        sender = _sender_of(settings)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: sender.stop())
        if options.once:
            while sender.send_due():
                pass
        else:
            while not sender.is_stopped:
                connected = connection_state()
                sender.run(until=lambda: connection_state() != connected)  # noqa: B023 -- called within this round
                if not sender.is_stopped:
                    get_settings.cache_clear()
                    sender = _sender_of(get_settings())
    except LoyaltyError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _sender_of(settings: Settings) -> Sender:
    warehouse = Warehouse(settings)
    store = shared_store(settings.state_database_url)
    return Sender(settings, store, warehouse, FeatureStore(warehouse), OfferCatalog(warehouse))
