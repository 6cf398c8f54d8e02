"""`loyalty score`: score every customer and compute the segments, from a terminal or a scheduler."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from loyalty_core.access import terminal_command
from loyalty_core.errors import LoyaltyError, StateStoreUnavailable
from loyalty_core.ml.scoring.pipeline import ScoringProgress, ScoringResult, score_base
from loyalty_core.ml.serving import scoring_models
from loyalty_core.segments import SegmentationEngine, SegmentRepository
from loyalty_core.segments.refreshing import Refreshed, refresh_all
from loyalty_core.settings import Settings, get_settings
from loyalty_core.store import shared_store
from loyalty_core.store.terminal import record_command
from loyalty_core.warehouse import Warehouse

# Computing cut points sorts the whole base, which may take longer than any screen would wait.
STATEMENT_SECONDS = 3600.0
# One statement scores everybody.
_IN_WAREHOUSE_SECONDS = 24 * 3600.0


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 after one line on stderr that says what to do."""
    parser = argparse.ArgumentParser(
        prog="loyalty score",
        description="Predict churn, the next best offer and RFM for every customer, write customer_predictions, and "
        "compute the members of all segments.",
    )
    parser.add_argument(
        "--in-warehouse",
        action="store_true",
        help="the warehouse computes the predictions, and no customer's row leaves it (ML_SCORE_IN_WAREHOUSE)",
    )
    given = parser.parse_args(arguments)
    try:
        settings = get_settings()
        _run(settings, Console(), in_warehouse=given.in_warehouse or settings.ml_score_in_warehouse)
    except LoyaltyError as error:
        print(f"Scoring stopped: {error}", file=sys.stderr)  # noqa: T201  what a scheduler logs
        return 1
    return 0


def _run(settings: Settings, console: Console, *, in_warehouse: bool) -> None:
    seconds = _IN_WAREHOUSE_SECONDS if in_warehouse else STATEMENT_SECONDS
    patient = settings.model_copy(update={"dwh_statement_timeout_seconds": seconds})
    with closing(Warehouse(patient)) as warehouse:
        result = _score(warehouse, in_warehouse=in_warehouse)
        record_command("scored", "customers", "", customers=result.customers, written_to=result.place)
        _report(result, console)
        try:
            _report_segments(_compute_segments(warehouse, settings), console)
        except LoyaltyError as error:
            print(f"The segments were not computed: {error}", file=sys.stderr)  # noqa: T201  what a scheduler logs


def _score(warehouse: Warehouse, *, in_warehouse: bool) -> ScoringResult:
    models = scoring_models(warehouse)
    with _progress() as progress:
        task = progress.add_task("Scoring customers", total=None)

        def show(done: ScoringProgress) -> None:
            progress.update(task, completed=done.scored, total=done.customers)

        return score_base(warehouse, models, show, in_warehouse=in_warehouse)


def _compute_segments(warehouse: Warehouse, settings: Settings) -> list[Refreshed]:
    """All segments that are not archived, since their rules may read the predictions."""
    with shared_store(settings.state_database_url) as store:
        health = store.health()
        if not health.ok:
            raise StateStoreUnavailable(health.detail, remedy=health.remedy)
        repository = SegmentRepository(store, lambda: warehouse.identity)
        segments = repository.list()
        with _progress() as progress:
            task = progress.add_task("Computing segments", total=len(segments))
            return refresh_all(
                SegmentationEngine(warehouse, repository),
                segments,
                cause="scoring",
                on_progress=lambda done, _segment: progress.update(task, completed=done),
            )


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _report(result: ScoringResult, console: Console) -> None:
    console.print(f"{result.customers:,} customers scored {_how(result)} in {result.seconds:.1f} s.", highlight=False)
    for version, customers in result.arms.items() if len(result.arms) > 1 else ():
        share = customers / result.customers
        console.print(f"{version}: {customers:,} customers, {share:.1%}, in the A/B test.", highlight=False)
    console.print(f"Written to {result.place}.", highlight=False, soft_wrap=True, markup=False)
    for feature, count in result.blanks.items():
        console.print(f"{feature}: {count:,} blank.", highlight=False, markup=False)
    if result.blanks:
        explained = "A blank number is replaced by the training median, a blank text counts as a value."
        console.print(explained, highlight=False, soft_wrap=True)
    for reason, count in result.failed.items():
        console.print(f"{count:,} customers without an answer: {reason}", highlight=False, soft_wrap=True, markup=False)
    for remark in result.remarks:
        console.print(remark, highlight=False, soft_wrap=True, markup=False)


def _how(result: ScoringResult) -> str:
    if result.is_rfm_only:
        return "by RFM alone"
    return "with mock predictions" if result.is_mock else f"with the models of {result.model_version}"


def _report_segments(refreshed: Sequence[Refreshed], console: Console) -> None:
    failed = [one for one in refreshed if one.error]
    if refreshed:
        console.print(f"{len(refreshed) - len(failed)} of {len(refreshed)} segments computed.", highlight=False)
    for one in failed:
        line = f"Segment “{one.segment.name}” could not be computed: {one.error}"
        console.print(line, highlight=False, soft_wrap=True, markup=False)
