"""The report of the comparison, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.horizons.events import MEANING
from loyalty_core.warehouse.history import HORIZON_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TITLES = {"auc": "ROC AUC", "log_loss": "log loss", "brier": "Brier score", "calibration_error": "calibration error"}


def report(results: Sequence[Mapping[str, Any]]) -> str:
    """One table for each data set, event and way of training, with differences to the three networks."""
    return "\n".join(line for one in results for line in _section(one))


def _section(found: Mapping[str, Any]) -> Iterator[str]:
    rows, rates = found["rows"], ", ".join(f"{rate:.1%}" for rate in found["rows"]["rates"])
    teacher = "with a teacher where it helps" if found["teacher"] == "auto" else "without a teacher"
    yield f"### {found['set']}: {found['event']}\n"
    yield (
        f"{found['about'][:1].upper()}{found['about'][1:]}. The event is {MEANING[found['event']]}. Learned from "
        f"{rows['train']:,} rows, of which {rows['train_complete']:,} were followed for 90 days, {teacher}; tested on "
        f"{rows['test']:,} rows, of which {rates} had the event within 30, 60 and 90 days.\n"
    )
    yield "| days | | " + " | ".join(_TITLES.values()) + " |"
    yield "|---|---|" + "---|" * len(_TITLES)
    for days, ways in zip(HORIZON_DAYS, found["horizons"], strict=True):
        for name, figures in ways.items():
            yield f"| {days} | {name} | " + " | ".join(_cell(figures, key) for key in _TITLES) + " |"
    yield "\n| | processor seconds | customers for whom a longer horizon is less likely |"
    yield "|---|---|---|"
    for name, seconds in found["seconds"].items():
        yield f"| {name} | {seconds:.0f} | {found['crossing'][name]:.1%} |"
    yield ""


def _cell(figures: Mapping[str, Any], key: str) -> str:
    """The value, and the difference to the three networks with its 95 % interval."""
    value = f"{figures[key][0]:.4f}"
    if (beside := figures.get("beside")) is None or not any(beside[key]):
        return value
    difference, low, high = beside[key]
    return f"{value} ({difference:+.4f}, {low:+.4f} to {high:+.4f})"
