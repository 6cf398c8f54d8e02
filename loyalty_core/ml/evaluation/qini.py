"""How well a model ranks customers by what contacting them changes: Qini curve, Qini coefficient and uplift at k.

The definitions are those of scikit-uplift (`qini_curve`, `qini_auc_score`, `uplift_at_k` with strategy "overall"), with
numpy alone: the customers are ranked by predicted uplift, and among the first n of them the conversions of those who
were contacted are compared with what the others' rate would have given (Radcliffe 2007, "Using control groups to target
on predicted lift").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Flags = npt.NDArray[np.bool_]
Uplifts = npt.NDArray[np.floating]


class QiniCurve(NamedTuple):
    """Additional conversions (`gains`) among the contacted of the first `customers` customers; starts at (0, 0)."""

    customers: npt.NDArray[np.float64]
    gains: npt.NDArray[np.float64]

    @property
    def area(self) -> float:
        return float(np.trapezoid(self.gains, self.customers))

    @property
    def area_at_random(self) -> float:
        """The area when customers are contacted in random order: the triangle below the line to the curve's end."""
        return float(self.gains[-1] * self.customers[-1] / 2)

    def gain_at(self, share: float) -> float:
        """The additional conversions when a share (0 to 1) of the customers is contacted."""
        return float(np.interp(share * self.customers[-1], self.customers, self.gains))


def qini_curve(converted: Flags, contacted: Flags, uplift: Uplifts) -> QiniCurve:
    """The curve with one point for each distinct uplift, highest first."""
    order = np.argsort(-uplift, kind="stable")
    ranked = uplift[order]
    last_of_equals = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    treated, yes = contacted[order], converted[order]
    customers = last_of_equals + 1.0
    in_treated = np.cumsum(treated)[last_of_equals].astype(np.float64)
    in_control = customers - in_treated
    yes_treated = np.cumsum(yes & treated)[last_of_equals]
    yes_control = np.cumsum(yes & ~treated)[last_of_equals]
    ratio = np.divide(in_treated, in_control, out=np.zeros_like(in_treated), where=in_control > 0)
    gains = yes_treated - yes_control * ratio
    return QiniCurve(np.append(0.0, customers), np.append(0.0, gains))


def qini(curve: QiniCurve, contacted: Flags) -> float:
    """The area between the curve and the line of a random order, in conversions per contacted customer.

    Both axes are shares, so it does not grow with the number of customers.
    """
    return (curve.area - curve.area_at_random) / (len(contacted) * max(int(contacted.sum()), 1))


def qini_coefficient(curve: QiniCurve, converted: Flags, contacted: Flags) -> float:
    """The same area as a share of that of a perfect order, which is what `qini_auc_score` gives; 0 without any."""
    best = qini_curve(converted, contacted, np.where(converted, np.where(contacted, 1.0, -1.0), 0.0))
    possible = best.area - best.area_at_random
    return (curve.area - curve.area_at_random) / possible if possible else 0.0


def uplift_at(converted: Flags, contacted: Flags, uplift: Uplifts, share: float) -> float:
    """The difference of the conversion rates among the first `share` of the customers; 0 if one group is empty."""
    first = np.argsort(-uplift, kind="stable")[: int(len(uplift) * share)]
    return rate_difference(converted[first], contacted[first])


def rate_difference(converted: Flags, contacted: Flags) -> float:
    """Conversion rate of those who were contacted minus that of the others; 0 if one group is empty."""
    if contacted.all() or not contacted.any():
        return 0.0
    return float(converted[contacted].mean() - converted[~contacted].mean())


def share_of_effect(curve: QiniCurve, share: float) -> float:
    """The share of the effect of contacting everybody that the first `share` of the customers gives; 0 without any."""
    everybody = float(curve.gains[-1])
    return curve.gain_at(share) / everybody if everybody > 0 else 0.0


def points_of(curve: QiniCurve, contacted: Flags, shares: Sequence[float]) -> list[list[float]]:
    """The curve for a chart: share of customers contacted, and additional conversions per 100 customers contacted."""
    scale = 100 / max(int(contacted.sum()), 1)
    return [[round(share, 4), round(curve.gain_at(share) * scale, 4)] for share in shares]
