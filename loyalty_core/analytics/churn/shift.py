"""Whether the base is still like the customers that the churn model was tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty_core.analytics.churn.figures import Group
    from loyalty_core.analytics.churn.quality import ModelQuality
    from loyalty_core.ml.features import FeatureDrift

# A base of which so many times more or fewer are expected to leave than of the test rows is another base.
_RATIO = 1.5
_MOST_FEATURES = 3


@dataclass(frozen=True)
class BaseShift:
    """The base is not like the test rows: what the model was graded for may not hold for it.

    `tested` and `now` are the mean probabilities of the test rows and of the base, `moved` says which features have
    drifted and how, most first.
    """

    tested: float | None
    now: float
    moved: tuple[str, ...]


def find_shift(quality: ModelQuality, everyone: Group, drift: Iterable[FeatureDrift]) -> BaseShift | None:
    """The shift of the whole base since the test; None if it is as it was."""
    moved = [f"{one.label} ({one.moved})" for one in drift if one.state == "drifted"][:_MOST_FEATURES]
    if not moved and not _is_far(quality.expected, everyone.mean):
        return None
    return BaseShift(quality.expected, everyone.mean, tuple(moved))


def _is_far(tested: float | None, now: float) -> bool:
    return bool(tested) and not tested / _RATIO <= now <= tested * _RATIO
