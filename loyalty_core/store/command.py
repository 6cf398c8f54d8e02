"""`loyalty store`: back up the state store, restore a backup, or check what is there.

All of it may be done while the app runs.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from loyalty_core.access import terminal_command
from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import get_settings
from loyalty_core.store.database import StateStore
from loyalty_core.store.terminal import record_command


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 after one line on stderr that says what to do."""
    given = _parser().parse_args(arguments)
    try:
        with StateStore(get_settings().state_database_url) as store:
            match given.command:
                case "backup":
                    lines = _backed_up(store, given.file)
                case "restore":
                    lines = _restored(store, given.file)
                case _:
                    lines = [store.examine()]
    except LoyaltyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="loyalty store", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="backup | restore | check", required=True)
    backup = commands.add_parser("backup", help="copy the store as it is at this moment into a new file")
    backup.add_argument("file", type=Path, nargs="?", help="default: a file in the folder backups beside the store")
    restore = commands.add_parser("restore", help="make the store what a backup holds; saves what it holds now first")
    restore.add_argument("file", type=Path)
    commands.add_parser("check", help="read all of the store, and write to it, to see whether it is sound")
    return parser


def _backed_up(store: StateStore, target: Path | None) -> list[str]:
    backup = store.back_up(target)
    record_command("backed up", "state store", str(backup))
    return [f"Backed up to {backup}."]


def _restored(store: StateStore, backup: Path) -> list[str]:
    before = store.restore(backup)
    record_command("restored", "state store", str(backup))
    saved = [f"What the store held before is in {before}."] if before else []
    return [f"Restored {backup}.", *saved]
