"""Terminal output of a training: progress, findings, and the evaluation table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column, Table

from loyalty_core.ml.tasks import TASKS, title_of
from loyalty_core.ml.training.balance import describe_balance, describe_channels

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from loyalty_core.ml.tasks import Metric
    from loyalty_core.ml.training.progress import Progress as TrainingProgress
    from loyalty_core.ml.training.trained_bundle import TrainedBundle

# Longer than this, and the time left is written in minutes.
_SECONDS_TO_COUNT = 120


class ProgressLine:
    """One progress bar per model while it trains; nothing when the output is not a terminal."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.fields[title]}"), BarColumn(), TextColumn("{task.description}"))
        self._bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressLine:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def show(self, progress: TrainingProgress) -> None:
        """Update the bar of the model that the progress is about."""
        model = progress.model
        if model not in self._tasks:
            self._tasks[model] = self._bars.add_task("", total=None, title=title_of(model))
        total = progress.epochs or None
        self._bars.update(self._tasks[model], total=total, completed=progress.epoch, description=describe(progress))


def describe(progress: TrainingProgress) -> str:
    """The progress in words: rows read, epoch, validation loss, maximum time left."""
    rows = f"{progress.rows:,} rows"
    if progress.stage == "reading":
        return f"{rows} read"
    loss = f"validation loss {progress.validation_loss:.4f}"
    if progress.stage == "evaluating":
        return f"{rows}, {progress.epoch} epochs, {loss}"
    left = "" if progress.seconds_left is None else f", at most {_duration(progress.seconds_left)} left"
    return f"{rows}, epoch {progress.epoch} of {progress.epochs}, {loss}{left}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _SECONDS_TO_COUNT else f"{seconds / 60:.0f} min"


def print_findings(out: Console, trained: TrainedBundle) -> None:
    """The warnings about each history, one per line."""
    for name, findings in trained.findings.items():
        for finding in findings:
            out.print(f"{title_of(name)}: {finding.sentence} {finding.remedy}", soft_wrap=True, markup=False)


def print_evaluation(out: Console, trained: TrainedBundle) -> None:
    """For every newly trained model: its verdict, then metrics with intervals, beside those of the baselines."""
    for name in trained.findings:
        part = trained.parts.models[name]
        test_from = part.window["test_from"]
        tested = f"those from {test_from} on" if test_from else "a random sample"
        out.print(f"\n{title_of(name)}: grade {part.metrics['grade']}. {part.metrics['sentence']}", soft_wrap=True)
        out.print(f"Trained on {part.rows['train']:,} rows, tested on {part.rows['test']:,}: {tested}.", soft_wrap=True)
        for said in filter(None, (describe_balance(TASKS[name], part.rows), describe_channels(part.window))):
            out.print(said, soft_wrap=True, markup=False)
        out.print(_metrics_table(name, part.metrics))
        out.print("Below each figure: its 95% interval.", style="dim")


def print_left_out(out: Console, trained: TrainedBundle) -> None:
    """Why models were not trained, and whether an earlier one was carried over; one per line."""
    for name, error in trained.left_out.items():
        carried = " (the active one is carried over)" if name in trained.carried else ""
        out.print(f"{title_of(name)} was not trained{carried}: {error}", soft_wrap=True, markup=False)


def _metrics_table(name: str, metrics: dict[str, Any]) -> Table:
    columns = [metric for metric in TASKS[name].metrics if metric.short]
    # Words of a heading below each other, so that five columns with intervals fit into 80 characters.
    headings = (Column(metric.short.replace(" ", "\n"), no_wrap=True) for metric in columns)
    table = Table("", *headings, box=SIMPLE)
    for label, values in {"this model": metrics, **metrics["baselines"]}.items():
        table.add_row(label, *(_with_interval(values, metric) for metric in columns))
    return table


def _with_interval(values: dict[str, Any], metric: Metric) -> str:
    """A metric with its 95 % interval below it, which needs one digit less."""
    ends = values.get("intervals", {}).get(metric.key)
    interval = f"\n[dim]{ends[0]:.{metric.digits - 1}f}–{ends[1]:.{metric.digits - 1}f}[/dim]" if ends else ""
    return f"{values[metric.key]:.{metric.digits}f}{interval}"
