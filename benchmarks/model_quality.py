"""Model quality on real and simulated data sets: the network, what it learns from a teacher, and standard models.

    python -m benchmarks.model_quality [--sets NAME,…] [--folds 3] [--results FILE] [--out docs/model-quality.md]

LOYALTY_COMPLETE_JOURNEY names the folder with rows derived from dunnhumby's Complete Journey, whose licence allows
research but not redistribution; without it these sets are left out. Each fold takes about half a minute of processor
time. With `--results`, figures are appended to a file as they come, and a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.quality.demo import demo_sets
from benchmarks.quality.measure import FOLDS, measure
from benchmarks.quality.real import real_sets
from benchmarks.quality.report import report
from benchmarks.quality.results import append_result, read_results
from benchmarks.quality.simulated import simulated_sets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.quality.data_set import DataSet


def main() -> int:
    """Measure what is not in the results yet, and write the report."""
    given = _parser().parse_args()
    results = read_results(given.results)
    measured = {(one["set"], one["fold"]) for one in results}
    names = given.sets.split(",") if given.sets else None
    sets = list(_sets(names))
    for number in range(given.folds):
        for data in sets:
            if (data.name, number + 1) not in measured:
                results.append(measure(data, number))
                append_result(given.results, results[-1])
    text = report(results)
    given.out.write_text(text, "utf-8")
    sys.stdout.write(text)
    return 0


def _sets(names: list[str] | None) -> Iterator[DataSet]:
    """The sets with these names, by default all; the demo is only simulated where it is asked for."""
    folder = os.environ.get("LOYALTY_COMPLETE_JOURNEY")
    demo = demo_sets() if names is None or any(name.startswith("demo") for name in names) else ()
    for data in chain(real_sets(Path(folder) if folder else None), demo, simulated_sets()):
        if names is None or data.name in names:
            yield data


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_quality")
    parser.add_argument("--sets", help="names of data sets, separated by commas; by default all")
    parser.add_argument("--folds", type=int, default=FOLDS, choices=range(1, FOLDS + 1), help="folds to measure")
    parser.add_argument("--results", type=Path, help="a file that keeps the figures of earlier runs")
    parser.add_argument("--out", type=Path, default=Path("docs/model-quality.md"), help="the report")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
