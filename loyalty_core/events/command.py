"""`loyalty events`: consume and apply events, or accept the events of a file."""

import argparse
import gc
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from loyalty_core.access import terminal_command
from loyalty_core.errors import LoyaltyError
from loyalty_core.events.backlog import read_backlog
from loyalty_core.events.intake import Intake
from loyalty_core.events.lines import accept_file
from loyalty_core.events.running import EventThreads, new_worker
from loyalty_core.services import Services, follow_connection, services_of_process
from loyalty_core.telemetry.logs import configure_logging


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 after one line on stderr that says what to do."""
    given = _parser().parse_args(arguments)
    try:
        services = services_of_process()
        configure_logging(services.settings.log_format, services.settings.log_level)
        services.prepare_store()
        if given.status:
            sys.stdout.write(_status(services))
        elif given.file is not None or given.until_done:
            _once(services, given.file, given.source, until_done=given.until_done)
        else:
            _run(services, given.workers)
    except LoyaltyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loyalty events",
        description="Consume events from Kafka, if it is configured, and apply those that wait, until it is stopped. "
        "Several may run at once, on several machines if the state store is PostgreSQL.",
    )
    parser.add_argument("--workers", type=int, choices=range(1, 33), default=1, metavar="N", help="default: 1")
    parser.add_argument("--file", type=Path, help="accept the events of a file, one JSON object a line, and end")
    parser.add_argument("--source", default="file", help="source of events in the file that name none; default: file")
    parser.add_argument("--until-done", action="store_true", help="apply the events that are due, and end")
    parser.add_argument("--status", action="store_true", help="show how much waits, and end")
    return parser


def _run(services: Services, workers: int) -> None:
    """Until SIGTERM or an interrupt; what has been begun by then is finished."""
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    threads = EventThreads(services, workers=workers)
    gc.freeze()  # what is loaded now stays: looking for garbage in it would take a twelfth of the work on events
    threads.start()
    sys.stdout.write("Events are applied. Stop it with Ctrl-C or SIGTERM.\n")
    sys.stdout.flush()
    while not asked_to_stop.wait(1) and threads.are_alive:
        follow_connection()
        if services is not services_of_process():  # other data has been connected
            services = services_of_process()
            threads.stop()
            threads = EventThreads(services, workers=workers)
            threads.start()
    threads.stop()


def _once(services: Services, file: Path | None, source: str, *, until_done: bool) -> None:
    if file is not None:
        result = accept_file(Intake(services.store, timedelta()), file, source, services.settings.zone)
        sys.stdout.write(
            f"{result.accepted:,} accepted, {result.duplicates:,} accepted before, {result.unreadable:,} unreadable.\n"
        )
    if until_done:
        applied = new_worker(services).apply_all()
        sys.stdout.write(f"{applied:,} applied.\n")


def _status(services: Services) -> str:
    backlog = read_backlog(services.store)
    lines = [
        f"Waiting events  {backlog.waiting:,}, of which {backlog.retried:,} failed before",
        f"Dead letters    {backlog.dead_letters:,} open",
    ]
    if services.settings.kafka_bootstrap_servers:
        from loyalty_core.events.consumer import read_lag  # noqa: PLC0415 -- librdkafka, only where it is used

        lines.append(f"Kafka           {read_lag(services.settings):,} messages not read yet")
    return "\n".join(lines) + "\n"
