"""`loyalty versions`: list model versions, compare two, activate one, roll back, adopt or test one."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from loyalty_core.access import terminal_command
from loyalty_core.errors import LoyaltyError, StateStoreUnavailable
from loyalty_core.ml.bundles import (
    ACTIVATE,
    DEFAULT_SHARE,
    TRAIN,
    Bundle,
    BundleError,
    Experiment,
    ModelNotFound,
    activate,
    earlier_versions,
    increase_share,
    list_versions,
    load_bundle,
    read_active,
    rollback,
    running_challenger,
    running_experiment,
    start_experiment,
    stop_experiment,
)
from loyalty_core.ml.tasks import TASKS, title_of
from loyalty_core.ml.versions.adoption import adopt
from loyalty_core.ml.versions.comparison import VersionComparisons
from loyalty_core.ml.versions.promotion import SUBJECT_KIND, accepted, open_for
from loyalty_core.ml.versions.records import read_versions, require_confirmed_leaks
from loyalty_core.ml.versions.report import comparison_lines
from loyalty_core.segments import SegmentationEngine, SegmentRepository
from loyalty_core.settings import Settings, get_settings
from loyalty_core.store import shared_store
from loyalty_core.store.terminal import record_command
from loyalty_core.warehouse import Warehouse


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 after one line on stderr that says what to do."""
    given = _parser().parse_args(arguments)
    try:
        models_dir = get_settings().models_dir
        match given.command:
            case "activate":
                leaks = _proven(models_dir, given.version, given.accept_leak)
                lines = [*_objections(models_dir, given.version)]
                lines += _activated(models_dir, "activated", lambda by: activate(models_dir, given.version, by), leaks)
            case "rollback":
                if earlier := earlier_versions(models_dir):
                    _prove(earlier[0])
                lines = _activated(models_dir, "rolled back to", lambda by: rollback(models_dir, by))
            case "test":
                lines = _test_started(models_dir, given.version, given.share, given.accept_leak)
            case "stop-test":
                lines = _test_stopped(models_dir)
            case "adopt":
                lines = _adopted(get_settings(), given.offers, activated=not given.no_activate)
            case "compare":
                lines = _compared(get_settings(), given.version)
            case _:
                lines = _listed(models_dir)
    except LoyaltyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="loyalty versions", description=__doc__)
    commands = parser.add_subparsers(
        dest="command", metavar="list | compare | activate | rollback | adopt | test | stop-test"
    )
    commands.add_parser("list", help="every version, newest first, each opened and verified (the default)")
    compare = commands.add_parser("compare", help="the active version beside another, on the same rows and customers")
    compare.add_argument("version", nargs="?", help="default: the newest that is not active")
    activating = commands.add_parser("activate", help="make a version the active one")
    activating.add_argument("version")
    commands.add_parser("rollback", help="activate the version that was active before")
    adopt = commands.add_parser("adopt", help="check model files that were made elsewhere and make them a version")
    adopt.add_argument("--offers", type=_ids, help="ids in the order of the offer model's outputs: 3,5,8")
    adopt.add_argument("--no-activate", action="store_true", help="only make the version")
    test = commands.add_parser("test", help="let a version answer a share of the customers beside the active one")
    test.add_argument("version")
    test.add_argument("--share", type=float, default=DEFAULT_SHARE, help="as 0.2; larger than before, a test grows")
    for one in (activating, test):
        one.add_argument(
            "--accept-leak",
            action="append",
            default=[],
            metavar="COLUMN",
            help="a feature that seems to give away the label, and is known before it nonetheless; may be repeated",
        )
    commands.add_parser("stop-test", help="let the active version answer all customers again")
    return parser


def _prove(version: str) -> None:
    """Open the version as serving would, so that nothing is changed for one that serving refuses."""
    with closing(Warehouse(get_settings())) as warehouse:
        open_for(warehouse, version)


def _proven(models_dir: Path, version: str, accepted_leaks: Sequence[str]) -> list[str]:
    """As `_prove`; returns the leaks of the version, each of which must be accepted."""
    _prove(version)
    return require_confirmed_leaks(models_dir, version, accepted_leaks)


def _objections(models_dir: Path, version: str) -> Iterator[str]:
    """Why a training would not have activated the version, for whoever activates it by hand."""
    record = next(record for record in read_versions(models_dir) if record.version == version)
    for model, objections in record.objections.items():
        yield from (f"{title_of(model)}: {objection}" for objection in objections)


def _activated(models_dir: Path, action: str, change: Callable[[str], Bundle], leaks: Sequence[str] = ()) -> list[str]:
    tested = running_challenger(models_dir)
    version = change(get_settings().local_user).version
    test_has_ended = tested and running_challenger(models_dir) is None
    ended = {"ended_the_test_of": tested} if test_has_ended else {}
    record_command(action, SUBJECT_KIND, version, **accepted(leaks), **ended)
    lines = [f"{version} is active."]
    if test_has_ended:
        lines.append(f"The A/B test of {tested} has ended.")
    return lines


def _ids(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _adopted(settings: Settings, offers: Sequence[int] | None, *, activated: bool) -> list[str]:
    with closing(Warehouse(settings)) as warehouse:
        version = adopt(warehouse, get_settings().local_user, offers)
    record_command("adopted", SUBJECT_KIND, version)
    bundle = load_bundle(settings.models_dir, version)
    lines = [f"{version} holds {' and '.join(TASKS[name].file for name in bundle.models)}."]
    lines.append(
        f"Features, in this order: {', '.join(bundle.contract.names)}. A blank is replaced by the scaler's mean."
    )
    lines += [
        f"The outputs of {TASKS[name].file} are the offers {', '.join(map(str, bundle.offers(name)))}."
        for name in bundle.models
        if bundle.offers(name)
    ]
    lines.append("It was not measured on test rows: compare it, or train here, before you trust it.")
    if activated:
        lines += _activated(settings.models_dir, "activated", lambda by: activate(settings.models_dir, version, by))
    return lines


def _test_started(models_dir: Path, version: str, share: float, accepted_leaks: Sequence[str]) -> list[str]:
    if running_challenger(models_dir) == version:
        grown = increase_share(models_dir, share)
        record_command("grew the A/B test of", SUBJECT_KIND, grown.challenger, share=grown.share)
        return [f"{grown.challenger} now answers {grown.share:.1%} of the customers."]
    leaks = _proven(models_dir, version, accepted_leaks)
    started = start_experiment(models_dir, version, share, get_settings().local_user)
    record_command("started an A/B test of", SUBJECT_KIND, started.challenger, share=started.share, **accepted(leaks))
    return [f"{started.challenger} answers {started.share:.1%} of the customers beside {started.champion}."]


def _test_stopped(models_dir: Path) -> list[str]:
    challenger = running_challenger(models_dir)
    stop_experiment(models_dir)
    record_command("stopped the A/B test of", SUBJECT_KIND, challenger or "")
    return ["The A/B test is stopped; the active version answers all customers."]


def _listed(models_dir: Path) -> list[str]:
    versions = list_versions(models_dir)
    if not versions:
        return [_why_none(models_dir)]
    marks: dict[str, str] = {}
    before: list[str] = []
    after: list[str] = []
    try:
        if active := read_active(models_dir):
            marks[active.version] = "*"
        if experiment := running_experiment(models_dir):
            marks[experiment.challenger] = "+"
            after.append(_described(experiment))
    except BundleError as error:
        before.append(str(error))
    return [*before, *(_line(models_dir, version, marks.get(version, " ")) for version in versions), *after]


def _why_none(models_dir: Path) -> str:
    """That there are no models, or that those there have to be adopted."""
    try:
        load_bundle(models_dir)
    except BundleError as error:
        return str(error)
    except ModelNotFound:
        pass
    return f"There are no models yet. Train them: {TRAIN}"


def _described(experiment: Experiment) -> str:
    since = f"since {experiment.start:%Y-%m-%d %H:%M} UTC, by {experiment.started_by}"
    return f"A/B test: {experiment.challenger} (+) answers {experiment.share:.1%} of the customers {since}."


def _line(models_dir: Path, version: str, mark: str) -> str:
    try:
        bundle = load_bundle(models_dir, version)
    except BundleError as error:
        return f"{mark} {version}  unusable: {error.what}"
    models = ", ".join(f"{name} trained {entry['trained_at']}" for name, entry in bundle.manifest["models"].items())
    return f"{mark} {version}  {models}"


def _compared(settings: Settings, version: str | None) -> list[str]:
    """The active version beside another, on the same rows and customers; the result is stored for the screen too."""
    records = read_versions(settings.models_dir)
    champion = next((record for record in records if record.is_active), None)
    if champion is None:
        raise BundleError("No version is active.", remedy=f"Activate one ({ACTIVATE}), or train: {TRAIN}")
    others = [record for record in records if record is not champion and version in {None, record.version}]
    if not others:
        missing = f"There is no version {version} beside the active one." if version else "There is no other version."
        raise BundleError(missing, remedy=f"Train again: {TRAIN}")
    # Measuring imports scikit-learn, which takes time that other commands should not spend.
    from loyalty_core.ml.versions.compare import compare_versions  # noqa: PLC0415

    with closing(Warehouse(settings)) as warehouse, shared_store(settings.state_database_url) as store:
        segments = SegmentRepository(store, lambda: warehouse.identity)
        engine = SegmentationEngine(warehouse, segments)
        found = compare_versions(warehouse, engine, segments, others[0].version, champion.version)
        with suppress(StateStoreUnavailable):
            VersionComparisons(store, lambda: warehouse.identity).save(found)
    return comparison_lines(found)
