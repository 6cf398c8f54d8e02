"""Fair comparisons on a busy machine: every candidate runs in every round, and medians are compared."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """`ratio` is the median over rounds of this candidate's time divided by the baseline's in the same round."""

    name: str
    seconds: float
    ratio: float


def compare(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int = 15,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timing]:
    """Time the candidates, the first of which is the baseline; each runs once beforehand, untimed."""
    for run in candidates.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds):
        names = list(candidates) if number % 2 else list(reversed(candidates))
        for name in names:
            seconds[name].append(_seconds(candidates[name], clock))
    baseline = seconds[next(iter(candidates))]
    return [
        Timing(name, statistics.median(times), statistics.median(t / b for t, b in zip(times, baseline, strict=True)))
        for name, times in seconds.items()
    ]


def show(title: str, timings: list[Timing]) -> None:
    """Print a comparison as a table; the first line is the baseline."""
    print(f"\n{title}")
    for timing in timings:
        print(f"  {timing.name:<58} {timing.seconds * 1000:>11.3f} ms {timing.ratio:>8.2f} ×")


def _seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    gc.collect()
    started = clock()
    run()
    return clock() - started
