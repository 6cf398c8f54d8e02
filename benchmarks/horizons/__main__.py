"""How soon: one network with a hazard per month against one network for each of 30, 60 and 90 days.

    python -m benchmarks.horizons [--sets NAME,…] [--events left,purchase,lapsed] [--teacher none] [--results FILE]

LOYALTY_COMPLETE_JOURNEY names the folder with dunnhumby's Complete Journey; without it that set is left out. Each set
and event takes one to five minutes of processor time. With `--results`, figures are appended to a file as they come,
and a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from benchmarks.horizons.events import Event
from benchmarks.horizons.measure import measure
from benchmarks.horizons.report import report
from benchmarks.horizons.snapshots import snapshot_sets
from benchmarks.quality.results import append_result, read_results
from loyalty_core.ml.training import TrainingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.horizons.snapshots import Snapshots


def main() -> int:
    """Measure what is not in the results yet, and print the report."""
    given = _parser().parse_args()
    results = read_results(given.results)
    measured = {(one["set"], one["event"], one["teacher"]) for one in results}
    options = TrainingOptions(teacher=given.teacher)
    for data, event in _asked(given):
        if (data.name, event, given.teacher) not in measured:
            results.append(measure(data, event, options))
            append_result(given.results, results[-1])
    sys.stdout.write(report(results))
    return 0


def _asked(given: argparse.Namespace) -> Iterator[tuple[Snapshots, Event]]:
    """Sets and events; going silent is only known of the demo early enough to be tested."""
    folder = os.environ.get("LOYALTY_COMPLETE_JOURNEY")
    for data in snapshot_sets(Path(folder) if folder else None):
        for event in get_args(Event):
            is_asked = event in given.events.split(",") and (not given.sets or data.name in given.sets.split(","))
            if is_asked and (event != "left" or data.name == "demo"):
                yield data, event


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.horizons")
    parser.add_argument("--sets", help="names of data sets, separated by commas; by default all")
    parser.add_argument(
        "--events", default=",".join(get_args(Event)), help="events, separated by commas; by default all"
    )
    parser.add_argument(
        "--teacher", default="auto", choices=["auto", "none"], help="whether networks learn from a teacher"
    )
    parser.add_argument("--results", type=Path, help="a file that keeps the figures of earlier runs")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
