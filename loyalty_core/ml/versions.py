"""`python -m loyalty_core.ml.versions`: list model versions, compare two, activate one, or go back."""

import argparse
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundle import BundleError, load_bundle
from loyalty_core.ml.bundle_files import ACTIVATE, TRAIN, list_versions, read_active
from loyalty_core.ml.bundle_store import activate, rollback
from loyalty_core.ml.comparison import DIGITS, METRICS, TITLES, Metric, VersionRecord, read_versions
from loyalty_core.settings import get_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 after one line on stderr that says what to do."""
    given = _parser().parse_args(arguments)
    try:
        models_dir = get_settings().models_dir
        match given.command:
            case "activate":
                lines = [f"{activate(models_dir, given.version, getpass.getuser()).version} is active."]
            case "rollback":
                lines = [f"{rollback(models_dir, getpass.getuser()).version} is active."]
            case "compare":
                lines = _compared(models_dir, given.version)
            case _:
                lines = _listed(models_dir)
    except LoyaltyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loyalty_core.ml.versions", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="list | compare | activate | rollback")
    commands.add_parser("list", help="every version, newest first, each opened and proven (the default)")
    compare = commands.add_parser("compare", help="the active version beside another, on its own test rows each")
    compare.add_argument("version", nargs="?", help="default: the newest that is not active")
    commands.add_parser("activate", help="make a version the active one").add_argument("version")
    commands.add_parser("rollback", help="activate the version that was active before")
    return parser


def _listed(models_dir: Path) -> list[str]:
    versions = list_versions(models_dir)
    if not versions:
        return [f"There are no models yet. Train them: {TRAIN}"]
    try:
        active, damage = read_active(models_dir), []
    except BundleError as error:
        active, damage = None, [str(error)]
    return damage + [
        _line(models_dir, version, active is not None and version == active.version) for version in versions
    ]


def _line(models_dir: Path, version: str, active: bool) -> str:
    mark = "*" if active else " "
    try:
        bundle = load_bundle(models_dir, version)
    except BundleError as error:
        return f"{mark} {version}  unusable: {error.what}"
    models = ", ".join(f"{name} trained {entry['trained_at']}" for name, entry in bundle.manifest["models"].items())
    return f"{mark} {version}  {models}"


def _compared(models_dir: Path, version: str | None) -> list[str]:
    records = read_versions(models_dir)
    champion = next((record for record in records if record.is_active), None)
    if champion is None:
        raise BundleError("No version is active.", remedy=f"Activate one ({ACTIVATE}), or train: {TRAIN}")
    others = [record for record in records if record is not champion and version in {None, record.version}]
    if not others:
        missing = f"There is no version {version} beside the active one." if version else "There is no other version."
        raise BundleError(missing, remedy=f"Train again: {TRAIN}")
    lines = [f"{'':34}{'active':>24}{'other':>24}", f"{'':34}{champion.version:>24}{others[0].version:>24}"]
    for model, metrics in METRICS.items():
        if champion.metrics(model) or others[0].metrics(model):
            lines += [TITLES[model], *(_metric_line(model, metric, champion, others[0]) for metric in metrics)]
    return lines


def _metric_line(model: str, metric: Metric, champion: VersionRecord, other: VersionRecord) -> str:
    first, second = (record.metrics(model).get(metric.key) for record in (champion, other))
    shown = "".join(f"{'-' if value is None else format(value, f'.{DIGITS}f'):>24}" for value in (first, second))
    is_worse = first is not None and second is not None and metric.is_worse(second, first)
    return f"  {metric.title:32}{shown}{'  worse' if is_worse else ''}"


if __name__ == "__main__":
    sys.exit(main())
