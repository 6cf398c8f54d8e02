"""How far the values of a feature have moved, by the population stability index of shares by bin.

PSI = Σ (now − then) · ln(now / then) over the bins, by N. Siddiqi, Credit Risk Scorecards (Wiley, 2006), with the
customary limits 0.1 and 0.25. It is the divergence of H. Jeffreys (1946).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from loyalty_core.warehouse.columns import label_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.ml.features.contract import FeatureKind

State = Literal["stable", "moved", "drifted"]

MOVED = 0.1
DRIFTED = 0.25
# The logarithm of an empty bin has no end.
FLOOR = 0.0001
BLANK = "blank"
OTHER = "other"
# Of the standard normal distribution: once in twenty times a value is above it.
_ONE_IN_TWENTY = 1.645


def psi(then: Sequence[int], now: Sequence[int]) -> float:
    """The index of two counts by the same bins; both have at least one row."""
    return sum(contributions(then, now))


def contributions(then: Sequence[int], now: Sequence[int]) -> list[float]:
    """What each bin adds to the index; none is negative."""
    shares = zip(_floored(then), _floored(now), strict=True)
    return [(after - before) * math.log(after / before) for before, after in shares]


def chance(then: int, now: int, bins: int) -> float:
    """The index that two samples of so many rows from the same customers exceed once in twenty times.

    PSI / (1/then + 1/now) is nearly χ² with bins − 1 degrees of freedom (B. Yurdakul and J. Naranjo, Journal of Risk
    Model Validation 14(4), 2020); its quantile by E. B. Wilson and M. M. Hilferty (1931).
    """
    freedom = bins - 1
    if not freedom:
        return 0.0
    spread = 2 / (9 * freedom)
    return (1 / then + 1 / now) * freedom * (1 - spread + _ONE_IN_TWENTY * math.sqrt(spread)) ** 3


def state_of(then: Sequence[int], now: Sequence[int]) -> State:
    """The index in a word; what chance alone could bring is stable."""
    index = psi(then, now)
    bins = sum(1 for before, after in zip(then, now, strict=True) if before or after)
    if index < max(MOVED, chance(sum(then), sum(now), bins)):
        return "stable"
    return "drifted" if index > DRIFTED else "moved"


@dataclass(frozen=True)
class Bins:
    """Into what a feature's values are sorted; a bin for blanks comes last.

    A number goes by `edges`: bin i holds [edges[i−1], edges[i]), the first all below, the last all above. A boolean is
    a number with one edge between no and yes. A text goes by `categories`, and whatever is none of them to "other".
    """

    kind: FeatureKind
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What people call each bin, the blanks included."""
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
class Spread:
    """Rows by bin, the last of them blank; `mean` of the values is None for texts and where all are blank."""

    counts: tuple[int, ...]
    mean: float | None = None

    @property
    def rows(self) -> int:
        return sum(self.counts)

    @property
    def shares(self) -> tuple[float, ...]:
        """Of all rows, by bin (0–1)."""
        return tuple(count / self.rows for count in self.counts)

    @property
    def blank(self) -> float:
        """The share without a value (0–1)."""
        return self.shares[-1]


@dataclass(frozen=True)
class FeatureDrift:
    """One feature in the base at training and now, and in the rows that each model was trained on.

    `column` is that of the features view. A difference between `training` and `now` may be there from the first day,
    since a history holds other customers than the base.
    """

    feature: str
    column: str
    bins: Bins
    then: Spread
    now: Spread
    training: Mapping[str, Spread]

    @property
    def label(self) -> str:
        """What people call it."""
        return label_of(self.column)

    @property
    def psi(self) -> float:
        """Base at training against base now."""
        return psi(self.then.counts, self.now.counts)

    @property
    def state(self) -> State:
        return state_of(self.then.counts, self.now.counts)

    @property
    def moved(self) -> str:
        """The bin that adds most to the index, then and now: "30–60 was 8.0%, is 17.0%"; empty when none adds."""
        added = contributions(self.then.counts, self.now.counts)
        most = max(range(len(added)), key=added.__getitem__)
        if not added[most]:
            return ""
        return f"{self.bins.names[most]} was {self.then.shares[most]:.1%}, is {self.now.shares[most]:.1%}"

    def population_psi(self, model: str) -> float | None:
        """The training rows of a model against the base now; None where they were not stored."""
        rows = self.training.get(model)
        return psi(rows.counts, self.now.counts) if rows else None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "feature": self.feature,
            "label": self.label,
            "psi": round(self.psi, 4),
            "state": self.state,
            "moved": self.moved,
            "bins": list(self.bins.names),
            "then": _spread_json(self.then),
            "now": _spread_json(self.now),
            "psi_against_training_rows": {
                model: round(psi(rows.counts, self.now.counts), 4) for model, rows in self.training.items()
            },
        }


def _floored(counts: Sequence[int]) -> list[float]:
    rows = sum(counts)
    return [max(count / rows, FLOOR) for count in counts]


def _spread_json(spread: Spread) -> dict[str, Any]:
    shares = [round(share, 6) for share in spread.shares]
    return {"customers": spread.rows, "mean": spread.mean, "blank": shares[-1], "shares": shares}
