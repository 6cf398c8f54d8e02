"""Confidence intervals of metrics, by bootstrapping test customers."""

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
_MAX_CUSTOMERS = 10_000
_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True)
class Difference:
    """The difference of a metric between two models on the same rows, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


class Bootstrap:
    """Metrics of several models on the same rows and the same resampled customers, so that differences are paired.

    Customers are drawn with all their rows (cluster bootstrap), since the rows of one customer are not independent.
    With more than 10,000 customers, 10,000 are drawn and deviations are rescaled (m out of n bootstrap: Bickel, Götze
    and van Zwet 1997). Draws are deterministic.
    """

    def __init__(
        self,
        metrics_of: MetricsOf,
        classes: npt.NDArray[np.intp],
        predictions: Mapping[str, npt.NDArray[np.float64]],
        customers: npt.NDArray[np.intp] | None = None,
    ) -> None:
        """`predictions` are by model, for the rows of `classes`; `customers` numbers the customer of each row."""
        groups = np.arange(len(classes)) if customers is None else np.unique(customers, return_inverse=True)[1]
        count = int(groups.max()) + 1
        self._scale = min(1.0, _MAX_CUSTOMERS / count) ** 0.5
        self.metrics = {name: metrics_of(classes, predicted) for name, predicted in predictions.items()}
        self._drawn: dict[str, list[Metrics]] = {name: [] for name in predictions}
        for rows in _draws(groups, count, classes):
            for name, predicted in predictions.items():
                self._drawn[name].append(metrics_of(classes[rows], predicted[rows]))

    def with_intervals(self, name: str) -> dict[str, Any]:
        """A model's metrics, and the 95 % interval of each under "intervals"."""
        metrics, draws = self.metrics[name], self._drawn[name]
        intervals = {
            key: list(self._interval(value, [drawn[key] for drawn in draws])) for key, value in metrics.items()
        }
        return {**metrics, "intervals": intervals}

    def differences(self, one: str, other: str) -> dict[str, Difference]:
        """Each metric of `one` minus that of `other`."""
        pairs = list(zip(self._drawn[one], self._drawn[other], strict=True))
        return {
            key: Difference(value, *self._interval(value, [first[key] - second[key] for first, second in pairs]))
            for key, value in ((key, first - self.metrics[other][key]) for key, first in self.metrics[one].items())
        }

    def _interval(self, value: float, drawn: list[float]) -> tuple[float, float]:
        if not drawn:
            return value, value
        low, high = (np.quantile(drawn, _QUANTILES) - value) * self._scale + value
        return float(low), float(high)


def _draws(groups: npt.NDArray[np.intp], count: int, classes: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    """Row indices of resampled customers; draws with only one class are skipped."""
    random = np.random.default_rng(0)
    for _ in range(_DRAWS):
        chosen = np.bincount(random.integers(0, count, min(count, _MAX_CUSTOMERS)), minlength=count)
        rows = np.repeat(np.arange(len(groups)), chosen[groups])
        if len(rows) and classes[rows].min() < classes[rows].max():
            yield rows
