"""What the commands that make a warehouse have in common: arguments, the written lines, errors in one line."""

import argparse
import signal
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NoReturn

import duckdb

from loyalty_core.errors import LoyaltyError
from loyalty_core.loading.report import describe_warehouse
from loyalty_core.settings import DEFAULT_WAREHOUSE
from loyalty_core.store.terminal import record_command


class OneLineParser(argparse.ArgumentParser):
    """Reports wrong options in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (--help shows the options)\n")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add --out and --overwrite."""
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_WAREHOUSE, metavar="FILE", help="the warehouse (%(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a warehouse that holds your own data")


def run(make: Callable[[], list[str]], out: Path, action: str, finish: Callable[[], list[str]] = list) -> int:
    """Make the warehouse `out` and print what was done; returns the exit code, 1 after an error.

    `make` and `finish`, which is called once the warehouse is there, return lines to print. `action` is the word for it
    in the audit trail.
    """
    try:
        lines = [*make(), *describe_warehouse(out), *finish()]
    except LoyaltyError as error:
        return _failed(str(error))
    except (duckdb.Error, OSError) as error:
        return _failed(f"The warehouse could not be made. {str(error).splitlines()[0]}")
    except (KeyboardInterrupt, RuntimeError) as error:
        # DuckDB reports an interruption during a query as a RuntimeError.
        if not isinstance(error.__cause__ or error, KeyboardInterrupt):
            raise
        return _failed("Stopped; nothing was written.")
    sys.stdout.write("\n".join(lines) + "\n")
    record_command(action, "warehouse", str(out))
    return 0


def stop_cleanly() -> None:
    """Treat SIGTERM as Ctrl-C, so that a half-written warehouse is removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def positive(text: str) -> int:
    """A whole number of 1 or more, as an argparse type."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def day(text: str) -> date:
    """An ISO date, as an argparse type."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2024-12-31") from None


def _failed(message: str) -> int:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return 1
