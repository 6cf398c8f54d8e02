"""Intervals of metrics: what they would be on other test customers of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Metrics = Mapping[str, Any]
    MetricsOf = Callable[[npt.NDArray[np.intp], npt.NDArray[np.float64]], Metrics]

_DRAWS = 200
_MOST_CUSTOMERS = 10_000
_EDGES = (0.025, 0.975)


@dataclass(frozen=True)
class Difference:
    """By how much one model's metric is above another's on the same rows, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


class Bootstrap:
    """Metrics of several models on the same rows, and on the same redrawn customers, so that differences are paired.

    Customers are drawn with all their rows (the cluster bootstrap), since several rows of one customer say less
    than as many customers do. Of very many, 10,000 are drawn and the deviations scaled to the number there are
    (m out of n: Bickel, Götze and van Zwet 1997). Draws are the same every time.
    """

    def __init__(
        self,
        metrics_of: MetricsOf,
        truth: npt.NDArray[np.intp],
        answers: Mapping[str, npt.NDArray[np.float64]],
        customers: npt.NDArray[np.intp] | None = None,
    ) -> None:
        """`answers` are those of each model for the rows of `truth`, `customers` numbers the customer of each row."""
        groups = np.arange(len(truth)) if customers is None else np.unique(customers, return_inverse=True)[1]
        count = int(groups.max()) + 1
        self._shrink = min(1.0, _MOST_CUSTOMERS / count) ** 0.5
        self.whole = {name: metrics_of(truth, own) for name, own in answers.items()}
        self._drawn: dict[str, list[Metrics]] = {name: [] for name in answers}
        for rows in _draws(groups, count, truth):
            for name, own in answers.items():
                self._drawn[name].append(metrics_of(truth[rows], own[rows]))

    def with_intervals(self, name: str) -> dict[str, Any]:
        """A model's metrics, and under "intervals" the ends of the 95 % interval of each."""
        whole = self.whole[name]
        ends = {key: self._ends(value, [drawn[key] for drawn in self._drawn[name]]) for key, value in whole.items()}
        return {**whole, "intervals": {key: list(found) for key, found in ends.items()}}

    def differences(self, one: str, other: str) -> dict[str, Difference]:
        """Each metric of `one` less that of `other`."""
        pairs = list(zip(self._drawn[one], self._drawn[other], strict=True))
        return {
            key: Difference(value, *self._ends(value, [own[key] - base[key] for own, base in pairs]))
            for key, value in ((key, own - self.whole[other][key]) for key, own in self.whole[one].items())
        }

    def _ends(self, whole: float, drawn: list[float]) -> tuple[float, float]:
        if not drawn:
            return whole, whole
        low, high = (np.quantile(drawn, _EDGES) - whole) * self._shrink + whole
        return float(low), float(high)


def _draws(groups: npt.NDArray[np.intp], count: int, truth: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    """Positions of the rows of redrawn customers; a draw of one class alone says nothing and is left out."""
    random = np.random.default_rng(0)
    for _ in range(_DRAWS):
        chosen = np.bincount(random.integers(0, count, min(count, _MOST_CUSTOMERS)), minlength=count)
        rows = np.repeat(np.arange(len(groups)), chosen[groups])
        if len(rows) and truth[rows].min() < truth[rows].max():
            yield rows
