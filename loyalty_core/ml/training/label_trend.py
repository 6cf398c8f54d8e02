"""Labels over the months of a history: drift, and newest labels that are not final."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.tasks import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MIN_MONTHS = 3
_MIN_MONTH_ROWS = 30
# A share that changes by less than a half, or by less than 5 points, hardly matters to a model.
_CHANGE = 1.5
_MIN_POINTS = 0.05
# Standard errors beyond which a difference of two shares is not chance; customers are in several months.
_ERRORS = 4.0
# Newest labels are taken for incomplete when positives fall below this share of what was usual.
_IMMATURE = 0.6

Counts = npt.NDArray[Any]


class MonthlyLabels(NamedTuple):
    """`counts` are rows by month and class, for `months` in their order."""

    months: npt.NDArray[np.datetime64]
    counts: Counts


def count_months(
    days: npt.NDArray[np.datetime64], classes: Counts, count: int, rows: Counts | None = None
) -> MonthlyLabels:
    """Rows by month and class, of days that each stand for one row or for so many `rows`."""
    months, place = np.unique(days.astype("datetime64[M]"), return_inverse=True)
    counts = np.bincount(place * count + classes, weights=rows, minlength=len(months) * count)
    return MonthlyLabels(months, counts.reshape(len(months), count))


def check_label_trend(monthly: MonthlyLabels, names: Sequence[str], *, is_binary: bool) -> Iterator[Finding]:
    """Whether newest labels are incomplete, or shares have changed; `names` say what the label of each class says."""
    enough = monthly.counts.sum(axis=1) >= _MIN_MONTH_ROWS
    months, counts = monthly.months[enough], monthly.counts[enough]
    if len(months) < _MIN_MONTHS:
        return
    if is_binary and (immature := _immature(months, counts, names[1])):
        yield immature
        return
    third = len(months) // 3
    first, last = counts[:third].sum(axis=0), counts[-third:].sum(axis=0)
    before, after = first / first.sum(), last / last.sum()
    changed = _differs(before, first.sum(), after, last.sum())
    classes = (1,) if is_binary else range(counts.shape[1])
    clear = [one for one in classes if changed[one] and _has_changed(before[one], after[one])]
    if not clear:
        return
    most = max(clear, key=lambda one: abs(after[one] - before[one]))
    yield Finding(
        "warning",
        f"The share of rows that say “{names[most]}” {'rises' if after[most] > before[most] else 'falls'} from "
        f"{before[most]:.0%} ({_period(months[:third])}) to {after[most]:.0%} ({_period(months[-third:])}).",
        "Find out why: a change in who is in the history, or in what the label means, misleads the models. If it is "
        "real, choose a later start.",
    )


def _immature(months: npt.NDArray[np.datetime64], counts: Counts, name: str) -> Finding | None:
    """Positives that were stable and are suddenly few in the newest months: their time has not passed yet."""
    rows = counts.sum(axis=1)
    shares = counts[:, 1] / rows
    for newest in range(min(3, len(months) // 2), 0, -1):
        earlier = counts[:-newest].sum(axis=0)
        usual = earlier[1] / earlier.sum()
        is_low = (shares[-newest:] < _IMMATURE * usual).all()
        low = counts[-newest:].sum(axis=0)
        is_clear = _differs(usual, earlier.sum(), low[1] / low.sum(), low.sum())
        was_stable = shares[:-newest].min() > usual / _CHANGE
        if is_low and is_clear and was_stable:
            last_day = months[-newest].astype("datetime64[D]") - 1
            return Finding(
                "hold",
                f"The newest labels are probably not final: {low[1] / low.sum():.1%} of the rows of "
                f"{_period(months[-newest:])} say “{name}”, {usual:.1%} of those before.",
                f"Leave out these rows, after which too little time has passed: train with rows until {last_day} "
                f"(option `until`, on the terminal --until {last_day}).",
            )
    return None


def _has_changed(before: float, after: float) -> bool:
    low, high = sorted((before, after))
    return high >= _CHANGE * low and high - low >= _MIN_POINTS


def _differs(before: Counts, rows: float, after: Counts, other_rows: float) -> Any:
    error = np.sqrt(before * (1 - before) / rows + after * (1 - after) / other_rows)
    return np.abs(after - before) > _ERRORS * np.maximum(error, 1e-9)


def _period(months: npt.NDArray[np.datetime64]) -> str:
    return str(months[0]) if len(months) == 1 else f"{months[0]} to {months[-1]}"
