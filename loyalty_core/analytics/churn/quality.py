"""Quality of the churn model on its test rows: the grade, and the effect of contacting a share of customers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.churn.figures import BINS
from loyalty_core.analytics.outcomes.figures import Share
from loyalty_core.ml.bundles import Bundle
from loyalty_core.ml.evaluation import grade_word, read_grade
from loyalty_core.ml.tasks import CHURN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.ml.serving import Models


@dataclass(frozen=True)
class OnTestRows:
    """The effect of contacting the test customers with the highest probabilities.

    `contacted` counts them among all, `captured` the churners among them of all churners, `stayed` those of them who
    stayed. The counts are exact, with Wilson intervals; where `is_approximate`, they follow from straight lines between
    deciles, which is all that earlier versions recorded.
    """

    contacted: Share
    captured: Share
    stayed: Share
    is_approximate: bool = False


@dataclass(frozen=True)
class ModelQuality:
    """The active churn model on customers that it was not trained on; `version` is "mock" in mock mode.

    `grade` rates the model against the best simple rule; it and `sentence` are empty when the version has none.
    `doubt` says why the model may be reading the answer, else it is empty. `expected` is the mean probability of the
    test rows.
    """

    version: str
    is_mock: bool
    grade: str = ""
    sentence: str = ""
    test_rows: int = 0
    expected: float | None = None
    deciles: tuple[Mapping[str, float], ...] = ()
    thousandths: tuple[Sequence[int], ...] = ()
    doubt: str = ""

    @property
    def word(self) -> str:
        """The grade in words."""
        if self.is_mock:
            return "Made up"
        return "May be reading the answer" if self.doubt else grade_word(self.grade) or "Not known"

    def at_threshold(self, threshold: float, share: float) -> OnTestRows | None:
        """The effect of contacting everyone at or above a threshold in whole thousandths, on the test rows.

        Versions that only recorded deciles are asked for the same `share` (0-1) of the test rows instead. None without
        test rows, or when nobody is contacted.
        """
        found = self._counted(round(threshold * BINS)) if self.thousandths else self._interpolated(share)
        return found if found is not None and found.contacted.count else None

    def _counted(self, first: int) -> OnTestRows:
        contacted = [(rows, left) for position, rows, left in self.thousandths if position >= first]
        rows, left = sum(rows for rows, _ in contacted), sum(left for _, left in contacted)
        churners = sum(left for _, _, left in self.thousandths)
        return OnTestRows(Share(rows, self.test_rows), Share(left, churners), Share(rows - left, rows))

    def _interpolated(self, share: float) -> OnTestRows | None:
        if not self.deciles or share <= 0:
            return None
        rows = [0, *accumulate(decile["rows"] for decile in self.deciles)]
        churners = [0.0, *accumulate(decile["rows"] * decile["actual"] for decile in self.deciles)]
        contacted = round(min(share, 1.0) * rows[-1])
        left = round(_interpolated(rows, churners, contacted))
        return OnTestRows(
            Share(contacted, rows[-1]),
            Share(left, round(churners[-1])),
            Share(contacted - left, contacted),
            is_approximate=True,
        )


def model_quality(models: Models) -> ModelQuality:
    """Read the quality that the active models' manifest records."""
    if not isinstance(models, Bundle):
        return ModelQuality(models.version, models.is_mock)
    metrics: dict[str, Any] = models.manifest["models"].get(CHURN.name, {}).get("metrics", {})
    deciles = tuple(metrics.get("deciles", ()))
    return ModelQuality(
        models.version,
        models.is_mock,
        read_grade(metrics),
        metrics.get("sentence", ""),
        sum(decile["rows"] for decile in deciles),
        metrics.get("mean_predicted"),
        deciles,
        tuple(metrics.get("thousandths", ())),
        metrics.get("doubt", ""),
    )


def _interpolated(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """Linear interpolation of y at x, with ascending xs."""
    for (x0, x1), (y0, y1) in zip(pairwise(xs), pairwise(ys), strict=True):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return ys[-1]
