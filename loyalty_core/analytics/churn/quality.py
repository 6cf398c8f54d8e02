"""Quality of the churn model on its test rows: the grade, and the effect of contacting a share of customers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from loyalty_core.ml.bundles import Bundle
from loyalty_core.ml.evaluation import grade_word, read_grade
from loyalty_core.ml.tasks import CHURN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.ml.serving import Models


@dataclass(frozen=True)
class OnTestRows:
    """The effect of contacting the same share of test customers, highest probability first.

    `captured` is the share of churners who would have been contacted, `loyal_share` the share of contacted customers
    who stayed (both 0-1).
    """

    captured: float
    loyal_share: float


@dataclass(frozen=True)
class ModelQuality:
    """The active churn model on customers that it was not trained on; `version` is "mock" in mock mode.

    `grade` rates the model against the best simple rule; it and `sentence` are empty when the version has none.
    """

    version: str
    is_mock: bool
    grade: str = ""
    sentence: str = ""
    test_rows: int = 0
    deciles: tuple[Mapping[str, float], ...] = ()

    @property
    def word(self) -> str:
        """The grade in words."""
        return "Made up" if self.is_mock else grade_word(self.grade) or "Not known"

    def at_share(self, share: float) -> OnTestRows | None:
        """The effect of contacting this share (0-1) on the test rows, interpolated between deciles.

        None without test rows, or when nobody is contacted.
        """
        if not self.deciles or share <= 0:
            return None
        rows = [0, *accumulate(decile["rows"] for decile in self.deciles)]
        churners = [0.0, *accumulate(decile["rows"] * decile["actual"] for decile in self.deciles)]
        contacted = min(share, 1.0) * rows[-1]
        found = _interpolated(rows, churners, contacted)
        captured = _interpolated(rows, [0.0, *(decile["captured"] for decile in self.deciles)], contacted)
        return OnTestRows(captured, 1 - found / contacted)


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
        deciles,
    )


def _interpolated(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """Linear interpolation of y at x, with ascending xs."""
    for (x0, x1), (y0, y1) in zip(pairwise(xs), pairwise(ys), strict=True):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return ys[-1]
