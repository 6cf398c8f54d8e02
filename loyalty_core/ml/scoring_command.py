"""`python -m loyalty_core.ml.scoring`: score every customer from a terminal or a scheduler."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.model_inputs import ModelInputs
from loyalty_core.ml.model_source import model_source
from loyalty_core.ml.scoring import ScoringProgress, ScoringResult, score_base
from loyalty_core.settings import Settings, get_settings
from loyalty_core.warehouse import Warehouse

# Cut points sort the whole base, which may take longer than anything that a screen waits for.
_STATEMENT_SECONDS = 3600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 after one line on stderr that says what to do."""
    parser = argparse.ArgumentParser(
        prog="python -m loyalty_core.ml.scoring",
        description="Predict churn, the next best offer and RFM for every customer, and write customer_predictions.",
    )
    parser.parse_args(arguments)
    try:
        result = _run(get_settings())
    except LoyaltyError as error:
        print(f"Scoring stopped: {error}", file=sys.stderr)  # noqa: T201  what a scheduler logs
        return 1
    _report(result, Console())
    return 0


def _run(settings: Settings) -> ScoringResult:
    patient = settings.model_copy(update={"dwh_statement_timeout_seconds": _STATEMENT_SECONDS})
    warehouse = Warehouse(patient)
    try:
        models = model_source(settings, ModelInputs(warehouse, settings)).current()
        with _progress() as progress:
            task = progress.add_task("Scoring customers", total=None)

            def show(done: ScoringProgress) -> None:
                progress.update(task, completed=done.scored, total=done.customers)

            return score_base(warehouse, models, show)
    finally:
        warehouse.close()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _report(result: ScoringResult, console: Console) -> None:
    models = "mock predictions" if result.is_mock else f"the models of {result.model_version}"
    console.print(f"{result.customers:,} customers scored with {models} in {result.seconds:.1f} s.", highlight=False)
    console.print(f"Written to {result.place}.", highlight=False, soft_wrap=True, markup=False)
    for feature, count in result.blanks.items():
        console.print(f"{feature}: {count:,} blank, taken as the training median.", highlight=False, markup=False)
    for reason, count in result.failed.items():
        console.print(f"{count:,} customers without an answer: {reason}", highlight=False, soft_wrap=True, markup=False)
    for remark in result.remarks:
        console.print(remark, highlight=False, soft_wrap=True, markup=False)
