"""A process that consumes and applies events until it is killed: `python -m tests.events.member STORE SETTINGS`.

Its handler is the one whose effects can be counted.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import timedelta

from loyalty_core.events import Inbox, Intake, Patience, Worker
from loyalty_core.events.consumer import EventConsumer
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from tests.events.applying import Counting, poison

PATIENCE = Patience(claim=timedelta(seconds=30), attempts=3)


def main(store_url: str, settings: Settings) -> None:
    logging.basicConfig(level="INFO")
    store = StateStore(store_url, timeout_seconds=60)
    consumer = EventConsumer(settings, store, Intake(store, timedelta()))
    threading.Thread(target=consumer.run, args=(threading.Event(),), daemon=True).start()
    Worker(store, Inbox(store, PATIENCE), Counting(poison)).run(threading.Event())


if __name__ == "__main__":
    main(sys.argv[1], Settings(**json.loads(sys.argv[2])))
