"""Recommendations for a customer at risk of churn, by risk, value and recency; by risk alone without RFM scores."""

from decimal import Decimal
from typing import Any, Literal

from loyalty_core.ml.tasks.risk import Risk
from loyalty_core.rfm import RfmScore

Level = Literal["low", "middle", "high"]

# How much effort to spend, by (risk, value).
_EFFORT: dict[tuple[Risk, Level], str] = {
    ("high", "high"): "Have a personal adviser call with an individual retention offer",
    ("high", "middle"): "Send a retention offer with a clear benefit, such as bonus points on the next purchase",
    ("high", "low"): "Send one low-cost win-back message; avoid paid channels",
    ("medium", "high"): "Invite to a VIP benefit or early access before interest fades",
    ("medium", "middle"): "Send a targeted offer in the favourite category",
    ("medium", "low"): "Send a small incentive for a second category or a larger basket",
    ("low", "high"): "Reward with status and recognition rather than discounts",
    ("low", "middle"): "Offer the next tier or a related product",
    ("low", "low"): "Keep in the regular newsletter; no extra discount is needed",
}

# When and how to make contact, by (risk, recency of the last purchase).
_CONTACT: dict[tuple[Risk, Level], str] = {
    ("high", "high"): "Contact within days, while the last purchase is fresh: ask about it and solve any problem",
    ("high", "middle"): "Contact this week; the usual time between purchases is running out",
    ("high", "low"): "Use a different channel from the last contact, and give a reason to come back",
    ("medium", "high"): "Follow up on the last purchase with a thank-you and a next step",
    ("medium", "middle"): "Remind of unused points or benefits within two weeks",
    ("medium", "low"): "Send a short survey about what is missing, and follow up with an offer",
    ("low", "high"): "Ask for a review or a recommendation to friends",
    ("low", "middle"): "Stay in touch at the usual rhythm",
    ("low", "low"): "Send a reminder of what is new: the last purchase is long ago, although another is expected",
}

# The highest recency score that counts as long ago.
_SILENT_RECENCY = 2

_BY_RISK: dict[Risk, tuple[str, str]] = {
    "high": ("Send a retention offer", "Contact the customer this week"),
    "medium": ("Send a targeted offer", "Remind of unused points or benefits"),
    "low": ("Keep in the regular programme", "Offer the next tier or a related product"),
}


def score_for_advice(score: RfmScore, days: Any, active_within_days: int) -> RfmScore:
    """The scores as advice reads them, for a customer whose last purchase was so many `days` ago.

    A recency score compares customers: in a base that has been silent for long, the highest may be that of a customer
    who is not active. Such a customer has not bought recently, whatever the score.
    """
    is_silent = isinstance(days, int | float | Decimal) and days > active_within_days
    return score._replace(recency=min(score.recency, _SILENT_RECENCY)) if is_silent else score


def recommend(risk: Risk, rfm: RfmScore | None) -> list[str]:
    """Two recommendations; `rfm` is None when the warehouse lacks the columns for it."""
    if rfm is None:
        return list(_BY_RISK[risk])
    return [_EFFORT[risk, _level(rfm.monetary)], _CONTACT[risk, _level(rfm.recency)]]


def _level(score: int) -> Level:
    return "low" if score <= 2 else "middle" if score == 3 else "high"
