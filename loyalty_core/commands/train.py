"""The command line of train_models_from_dwh.py: options, progress, the evaluation table and exit codes.

Exit codes: 0 trained and saved · 1 any other error · 2 invalid arguments or settings · 3 warehouse unavailable ·
4 table or column missing · 5 the history cannot train a model (too few rows, invalid labels) · 6 trained and saved, but
not activated, because a model adds nothing over a simple rule, its labels are doubtful, or a feature seems to give away
the label · 130 stopped by Ctrl-C. Only with 0 and 6 a version is written.
"""

from __future__ import annotations

import json
import shlex
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console

from loyalty_core.access import terminal_command
from loyalty_core.commands.readiness import check
from loyalty_core.commands.train_arguments import OPTION_FLAGS, about_versions, parser
from loyalty_core.errors import (
    DataError,
    LoyaltyError,
    QueryTimeout,
    SettingsError,
    ViewUnusable,
    WarehouseUnavailable,
)
from loyalty_core.loading.next_steps import loyalty_command, start_command
from loyalty_core.ml.bundles import activate, prune, running_challenger, write_bundle
from loyalty_core.ml.features import FeatureCountMismatch
from loyalty_core.ml.scoring.command import main as score
from loyalty_core.ml.tasks import CHURN, NBO, TASKS, TrainingRefused, title_of
from loyalty_core.ml.training import TrainingOptions, options_for
from loyalty_core.ml.training.report import ProgressLine, print_evaluation, print_findings, print_left_out
from loyalty_core.ml.training.tracking import log_training
from loyalty_core.ml.versions import command as versions
from loyalty_core.ml.versions.promotion import SUBJECT_KIND, accepted
from loyalty_core.settings import Settings, get_settings
from loyalty_core.store import prepare_store
from loyalty_core.store.terminal import record_command
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.mapping import MappingError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from loyalty_core.ml.training.progress import Progress
    from loyalty_core.ml.training.trained_bundle import TrainedBundle

NOT_ACTIVATED = 6
DEMO = "demo"
STOPPED = 130
_EXIT_CODES: tuple[tuple[type[LoyaltyError], int], ...] = (
    (SettingsError, 2),
    (FeatureCountMismatch, 2),
    (WarehouseUnavailable, 3),
    (QueryTimeout, 3),
    (ViewUnusable, 4),
    (MappingError, 4),
    (TrainingRefused, 5),
    (DataError, 5),
)

# A history that trains no model, or none that is better than before, leaves RFM and what is active.
_SCORED_AFTER = (0, NOT_ACTIVATED, 5)


@terminal_command
def main(churn: TrainingOptions, nbo: TrainingOptions, arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments and train, with these options as defaults; returns the exit code."""
    given = parser().parse_args(arguments)
    if instead := about_versions(given):
        return versions.main(instead)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    code = _trained(dict.fromkeys(TASKS, TrainingOptions()) | {CHURN.name: churn, NBO.name: nbo}, given, errors)
    if given.score and not given.check and code in _SCORED_AFTER:
        return _score() or code
    return code


def _score() -> int:
    """Score all customers, by what is active or else by RFM alone, and say how to see it."""
    prepare_store(get_settings().state_database_url)  # this may be the first command that is run here
    code = score([])
    if code == 0:
        Console(highlight=False).print(f"Next: {start_command()}", soft_wrap=True)
    return code


def _trained(bases: Mapping[str, TrainingOptions], given: argparse.Namespace, errors: Console) -> int:
    try:
        return _run(bases, given, errors)
    except LoyaltyError as error:
        errors.print(str(error), markup=False)
        return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)
    except KeyboardInterrupt:
        errors.print("Stopped; nothing was changed.")
        return STOPPED


def _run(bases: Mapping[str, TrainingOptions], given: argparse.Namespace, errors: Console) -> int:
    settings = get_settings()
    chosen = {name: getattr(given, name) for name in OPTION_FLAGS if getattr(given, name) is not None}
    options: dict[str, TrainingOptions] = {
        name: options_for(name, base, settings, chosen) for name, base in bases.items() if given.model in {name, "all"}
    }
    if given.check:
        return check(settings, options)
    with closing(Warehouse(settings)) as warehouse:
        health = warehouse.health()
        if health.error:
            raise health.error
        trained = _train(warehouse, options, given.progress, errors)
    code = _save(settings, trained, given, errors)
    if given.score and code == NOT_ACTIVATED:
        _use_the_others(settings, trained, given)
    return code


def _train(
    warehouse: Warehouse, options: Mapping[str, TrainingOptions], progress: str, errors: Console
) -> TrainedBundle:
    # Not at the top: importing TensorFlow takes seconds, and invalid arguments should be reported at once.
    from loyalty_core.ml.training.train import train  # noqa: PLC0415

    if progress == "jsonl":
        return train(warehouse, options, _print_json_line, warehouse.settings.local_user)
    with ProgressLine(errors) as line:
        return train(warehouse, options, line.show, warehouse.settings.local_user)


def _save(settings: Settings, trained: TrainedBundle, given: argparse.Namespace, errors: Console) -> int:
    """Write the version and activate it, unless --no-activate is given or something speaks against it."""
    version = write_bundle(settings.models_dir, trained.parts)
    record_command("trained", SUBJECT_KIND, version, models=sorted(trained.parts.models))
    if logged := log_training(settings, version, trained):
        errors.print(logged, markup=False)
    leaks = {feature: said for feature, said in trained.leaks.items() if feature not in given.accept_leak}
    objections = {} if given.promote_worse else trained.objections(given.accept_leak)
    refused = bool(leaks or objections) and not given.no_activate
    activated = not refused and not given.no_activate
    tested = running_challenger(settings.models_dir) if activated else None
    if activated:
        activate(settings.models_dir, version, settings.local_user)
        ended = {"ended_the_test_of": tested} if tested else {}
        record_command("activated", SUBJECT_KIND, version, **accepted(list(trained.leaks)), **ended)
        prune(settings.models_dir, settings.ml_versions_kept)
    if given.progress == "jsonl":
        _print_result(trained, version, activated=activated)
    else:
        out = Console(highlight=False)
        print_findings(out, trained)
        print_evaluation(out, trained)
        print_left_out(out, trained)
        _say_where(out, settings, version, activated=activated)
        if tested:
            out.print(f"The A/B test of {tested} has ended.")
        if activated and not given.score and trained.parts.trained_on != DEMO:  # the app's start scores the demo
            out.print(f"Next: {loyalty_command()} score", soft_wrap=True)
    if refused:
        _say_why_not(errors, version, leaks, objections)
    return NOT_ACTIVATED if refused else 0


def _use_the_others(settings: Settings, trained: TrainedBundle, given: argparse.Namespace) -> None:
    """Activate a version without the models that were refused, so that the other ones can score."""
    parts = trained.usable(given.accept_leak, even_if_doubtful=given.promote_worse)
    if parts is None:
        return
    version = write_bundle(settings.models_dir, parts)
    activate(settings.models_dir, version, settings.local_user)
    record_command(
        "activated", SUBJECT_KIND, version, without=sorted(trained.parts.models.keys() - parts.models.keys())
    )
    names = ", ".join(sorted(parts.models))
    Console(highlight=False).print(f"Version {version}, which has {names} alone, is active.", soft_wrap=True)


def _print_result(trained: TrainedBundle, version: str, *, activated: bool) -> None:
    result = {
        "version": version,
        "activated": activated,
        "metrics": {name: part.metrics for name, part in trained.parts.models.items()},
        "findings": {name: [asdict(one) for one in found] for name, found in trained.findings.items()},
        "left_out": {name: str(error) for name, error in trained.left_out.items()},
        "leaks": trained.leaks,
        "objections": trained.objections(),
    }
    print(json.dumps({"stage": "done", **result}), flush=True)  # noqa: T201 (the output asked for)


def _say_why_not(
    errors: Console, version: str, leaks: Mapping[str, str], objections: Mapping[str, Sequence[str]]
) -> None:
    """What speaks against activating the version, and the command that activates it nonetheless."""
    errors.print(f"Version {version} was not activated:")
    for sentence in leaks.values():
        errors.print(f"- {sentence}", markup=False)
    for name, sentences in objections.items():
        for sentence in sentences:
            errors.print(f"- {title_of(name)}: {sentence}", markup=False)
    accepting = "".join(f" --accept-leak {shlex.quote(feature)}" for feature in leaks)
    errors.print(f"To activate it nonetheless: loyalty versions activate {version}{accepting}", markup=False)


def _say_where(out: Console, settings: Settings, version: str, *, activated: bool) -> None:
    folder = settings.models_dir
    out.print(f"Version {version} is in {folder / 'versions' / version}.", soft_wrap=True)
    if activated:
        copies = (folder / name for name in (*(task.file for task in TASKS.values()), "scaler.pkl"))
        files = ", ".join(str(copy) for copy in copies if copy.exists())
        out.print(f"It is active: {files}.", soft_wrap=True)
    else:
        out.print("It is not active; the models in use are unchanged.")


def _print_json_line(progress: Progress) -> None:
    print(json.dumps(asdict(progress)), flush=True)  # noqa: T201 (the output asked for)
