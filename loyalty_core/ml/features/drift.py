"""Feature drift, measured by the population stability index (PSI) over the shares of bins.

PSI = Σ (now − then) · ln(now / then) over the bins (N. Siddiqi, Credit Risk Scorecards, Wiley, 2006), with the usual
thresholds 0.1 and 0.25. It is the divergence of H. Jeffreys (1946).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from loyalty_core.warehouse.columns import label_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.ml.features.values import FeatureKind

State = Literal["stable", "moved", "drifted"]

MOVED = 0.1
DRIFTED = 0.25
# The smallest share of a bin, since the logarithm of 0 is infinite.
FLOOR = 0.0001
# The same between training rows and the base, two populations: a bin that one of them hardly has is no alarm by itself.
LEARNED_FLOOR = 0.01
BLANK = "blank"
OTHER = "other"
# The 95 % quantile of the standard normal distribution.
_NORMAL_95 = 1.645


def psi(then: Sequence[int], now: Sequence[int], floor: float = FLOOR) -> float:
    """The PSI of two counts over the same bins; both have at least one row."""
    return sum(contributions(then, now, floor))


def contributions(then: Sequence[int], now: Sequence[int], floor: float = FLOOR) -> list[float]:
    """What each bin contributes to the PSI; never negative."""
    shares = zip(_floored(then, floor), _floored(now, floor), strict=True)
    return [(after - before) * math.log(after / before) for before, after in shares]


def critical_psi(then: int, now: int, bins: int) -> float:
    """The PSI that two samples of these sizes from one population exceed in 5 % of cases.

    PSI / (1/then + 1/now) is approximately χ² with bins − 1 degrees of freedom (B. Yurdakul and J. Naranjo, Journal of
    Risk Model Validation 14(4), 2020); the quantile is approximated as by E. B. Wilson and M. M. Hilferty (1931).
    """
    degrees = bins - 1
    if not degrees:
        return 0.0
    variance = 2 / (9 * degrees)
    return (1 / then + 1 / now) * degrees * (1 - variance + _NORMAL_95 * math.sqrt(variance)) ** 3


def state_of(then: Sequence[int], now: Sequence[int], floor: float = FLOOR) -> State:
    """The state for two counts; a PSI within sampling error is stable."""
    index = psi(then, now, floor)
    bins = sum(1 for before, after in zip(then, now, strict=True) if before or after)
    if index < max(MOVED, critical_psi(sum(then), sum(now), bins)):
        return "stable"
    return "drifted" if index > DRIFTED else "moved"


@dataclass(frozen=True)
class Bins:
    """The bins of a feature's values; the last bin is for blanks.

    Numbers are binned by `edges`: bin i holds [edges[i−1], edges[i]), the first bin everything below, the last
    everything above. A boolean is a number with one edge, between no and yes. Texts are binned by `categories`, with
    one more bin, "other", for the rest.
    """

    kind: FeatureKind
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The label of each bin, including blanks."""
        match self.kind:
            case "text":
                return (*self.categories, OTHER, BLANK)
            case "boolean":
                return ("no", "yes", BLANK)
            case "number" if not self.edges:
                return ("any value", BLANK)
            case "number":
                shown = [f"{edge:,.10g}" for edge in self.edges]
                between = (f"{low}–{high}" for low, high in pairwise(shown))
                return (f"under {shown[0]}", *between, f"{shown[-1]} or more", BLANK)


@dataclass(frozen=True)
class Distribution:
    """Rows per bin, the last one blank; `mean` is None for texts and when all values are blank."""

    counts: tuple[int, ...]
    mean: float | None = None

    @property
    def rows(self) -> int:
        return sum(self.counts)

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of all rows per bin (0–1)."""
        return tuple(count / self.rows for count in self.counts)

    @property
    def blank(self) -> float:
        """Share of blank rows (0–1)."""
        return self.shares[-1]


@dataclass(frozen=True)
class FeatureDrift:
    """One feature over the customer base at training (`then`) and `now`, and in each model's training rows.

    `column` is the column of the features view. `learned` are the training rows that stand for the base, None where
    there are none. The base drifts away from both: from `then` when it changes after a training, and from `learned`
    until newer rows are learned from, however often the models are trained again on the same rows.
    """

    feature: str
    column: str
    bins: Bins
    then: Distribution
    now: Distribution
    training: Mapping[str, Distribution]
    learned: Distribution | None = None

    @property
    def label(self) -> str:
        """The column's label on screens."""
        return label_of(self.column)

    @property
    def psi(self) -> float:
        """The customer base now against the base at training, or against the training rows if it left those behind."""
        return self.psi_since_learned if self._left_what_was_learned else self.psi_since_training

    @property
    def psi_since_training(self) -> float:
        """The customer base at training against the base now."""
        return psi(self.then.counts, self.now.counts)

    @property
    def psi_since_learned(self) -> float:
        """What the models learned from against the base now; 0 if that is not known."""
        return psi(self.learned.counts, self.now.counts, LEARNED_FLOOR) if self.learned else 0.0

    @property
    def state(self) -> State:
        """Drifted if the base has moved away from what was learned; otherwise what happened since the training."""
        return "drifted" if self.is_not_learned else self.state_since_training

    @property
    def state_since_training(self) -> State:
        return state_of(self.then.counts, self.now.counts)

    @property
    def is_not_learned(self) -> bool:
        """Whether the base has drifted away from what the models learned from."""
        learned = self.learned
        return learned is not None and state_of(learned.counts, self.now.counts, LEARNED_FLOOR) == "drifted"

    @property
    def moved(self) -> str:
        """The bin that contributes most, as in "30–60 was 8.0%, is 17.0%"; empty when nothing moved."""
        before, floor = self.then, FLOOR
        if self.learned is not None and self._left_what_was_learned:
            before, floor = self.learned, LEARNED_FLOOR
        parts = contributions(before.counts, self.now.counts, floor)
        most = max(range(len(parts)), key=parts.__getitem__)
        if not parts[most]:
            return ""
        return f"{self.bins.names[most]} was {before.shares[most]:.1%}, is {self.now.shares[most]:.1%}"

    @property
    def _left_what_was_learned(self) -> bool:
        return self.is_not_learned and self.psi_since_learned > self.psi_since_training

    def population_psi(self, model: str) -> float | None:
        """A model's training rows against the base now; None when they were not stored."""
        rows = self.training.get(model)
        return psi(rows.counts, self.now.counts) if rows else None

    def to_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "feature": self.feature,
            "label": self.label,
            "psi": round(self.psi, 4),
            "psi_since_training": round(self.psi_since_training, 4),
            "psi_since_learned": round(self.psi_since_learned, 4),
            "state": self.state,
            "moved": self.moved,
            "bins": list(self.bins.names),
            "then": _distribution_json(self.then),
            "now": _distribution_json(self.now),
            "psi_against_training_rows": {
                model: round(psi(rows.counts, self.now.counts), 4) for model, rows in self.training.items()
            },
        }


def _floored(counts: Sequence[int], floor: float) -> list[float]:
    rows = sum(counts)
    return [max(count / rows, floor) for count in counts]


def _distribution_json(distribution: Distribution) -> dict[str, Any]:
    shares = [round(share, 6) for share in distribution.shares]
    return {"customers": distribution.rows, "mean": distribution.mean, "blank": shares[-1], "shares": shares}
