"""A comparison of two versions as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.ml.tasks import DIGITS, TASKS, title_of
from loyalty_core.ml.versions.records import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.ml.tasks import Metric
    from loyalty_core.ml.versions.comparison import SameRows, VersionComparison


def comparison_lines(found: VersionComparison) -> list[str]:
    """The measures of both on the same rows with their differences, then who gets another answer."""
    lines = [f"{'':34}{'active':>24}{'other':>24}", f"{'':34}{found.against:>24}{found.version:>24}"]
    for model, task in TASKS.items():
        if same_rows := found.same_rows.get(model):
            lines += [_title(model, same_rows), *(_metric_line(metric, same_rows) for metric in task.metrics)]
    return [*lines, *_shift_lines(found), *found.remarks]


def _title(model: str, same_rows: SameRows) -> str:
    days = "" if same_rows.first is None else f" of {same_rows.first} to {same_rows.last}"
    called = {"version": "the other", "against": "the active one"}
    flattered = " and ".join(called[side] for side in same_rows.flattered)
    warning = f" ({flattered} may have learned from some of them)" if flattered else ""
    return f"{title_of(model)}, on the same {same_rows.rows:,} rows{days}{warning}"


def _metric_line(metric: Metric, same_rows: SameRows) -> str:
    active, other = same_rows.against[metric.key], same_rows.version[metric.key]
    difference = same_rows.differences[metric.key]
    ends = f"{difference.value:+.{DIGITS + 1}f} ({difference.low:+.{DIGITS + 1}f} to {difference.high:+.{DIGITS + 1}f})"
    word = judge(metric, same_rows.version, same_rows.against, difference)
    return f"  {metric.title:32}{active:>24.{DIGITS}f}{other:>24.{DIGITS}f}  {ends}  {word}"


def _shift_lines(found: VersionComparison) -> Iterator[str]:
    yield f"{'Who gets another answer':34}{'customers':>24}{'churn risk':>24}{'best offer':>24}"
    for shift in found.shifts:
        risk = f"{shift.other_band:,}" if shift.bands else "-"
        offer = f"{shift.other_offer:,}" if shift.offers else "-"
        yield f"  {shift.name[:32]:32}{shift.customers:>24,}{risk:>24}{offer:>24}"
