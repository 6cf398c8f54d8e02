"""The effect of a campaign: its customers against the holdout, with intervals, in money, and when it can be reported.

Everybody who was to be written to is compared with everybody who was held out, whether or not a message arrived:
otherwise those who cannot be reached would flatter the campaign. Only entries whose time for conversions is over count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import sqrt
from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.outcomes import Interval, Measure, Share
from loyalty_core.analytics.proportions import difference

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from loyalty_core.campaigns.campaign import Campaign

# With fewer customers in the holdout, one conversion more or less would turn the result around.
MIN_HOLDOUT = 100
# The quantile of the standard normal distribution for a 95 % interval.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Effect:
    """The campaign against its holdout, over entries whose time for conversions is over.

    `conversion` is the difference of the conversion rates and `revenue` that of the revenue per contact, each with a
    95 % interval; None where there is nothing to compare. `uplift` is the revenue that the campaign has added, less
    its `cost`. `is_certain` says whether the interval of the conversions leaves 0 out; `verdict` is the result in a
    sentence, or why none can be given yet.
    """

    treated: int
    held: int
    verdict: str
    is_certain: bool = False
    conversion: Measure | None = None
    revenue: Measure | None = None
    uplift: float | None = None
    cost: float = 0.0


def effect_of(campaign: Campaign, rows: Iterable[Any], now: datetime) -> Effect:
    """The effect by the rows of groups of entries, with their counts, `revenue` and its `squares`."""
    over = [row for row in rows if row.is_over]
    treated = [row for row in over if row.status == "queued"]
    held = [row for row in over if row.status == "holdout"]
    many, few = sum(row.entered for row in treated), sum(row.entered for row in held)
    cost = sum(row.sent for row in treated) * campaign.definition.budget.cost_per_message
    if reason := _too_early(campaign, many, few, now):
        return Effect(many, few, reason, cost=cost)
    conversion = difference(
        Share(sum(row.converted for row in treated), many), Share(sum(row.converted for row in held), few)
    )
    revenue = _mean_difference(treated, held, many, few)
    is_certain = conversion.interval.low > 0 or conversion.interval.high < 0
    return Effect(
        many, few, _verdict(conversion, is_certain=is_certain), is_certain, conversion, revenue,
        uplift=revenue.value * many - cost, cost=cost,
    )  # fmt: skip


def _too_early(campaign: Campaign, many: int, few: int, now: datetime) -> str | None:
    """Why the effect cannot be reported yet, in a sentence; None if it can."""
    within = campaign.definition.conversion.within_days
    if campaign.definition.holdout.share == 0 and not few:
        return "There is no holdout, so nobody knows how many would have converted without the campaign."
    if not many and not few:
        first = campaign.started_at + timedelta(days=within) if campaign.started_at else None
        since = f" before {first:%-d %b %Y}" if first and first > now else ""
        return f"Too early to tell: customers have {within} days to convert, which are not over for anybody{since}."
    if few < MIN_HOLDOUT or many < MIN_HOLDOUT:
        return (
            f"Too early to tell: the time to convert is over for {many:,} customers and {few:,} of the holdout; "
            f"it takes {MIN_HOLDOUT} of each."
        )
    return None


def _verdict(conversion: Measure, *, is_certain: bool) -> str:
    low, high = conversion.interval
    span = f"between {low * 100:+.1f} and {high * 100:+.1f} percentage points".replace("-", "−")
    if not is_certain:
        return f"No difference can be stated yet: it is {span}."
    more = "more" if conversion.value > 0 else "fewer"
    return f"The campaign makes {more} customers convert: {span}, with 95% confidence."


def _mean_difference(treated: list[Any], held: list[Any], many: int, few: int) -> Measure:
    """Revenue per contact minus that of the holdout, with Welch's interval in its normal approximation."""
    (first, first_error), (second, second_error) = _mean(treated, many), _mean(held, few)
    margin = _Z * sqrt(first_error + second_error)
    return Measure(first - second, Interval(first - second - margin, first - second + margin))


def _mean(rows: list[Any], number: int) -> tuple[float, float]:
    """The mean revenue, and the square of its standard error."""
    total, squares = sum(float(row.revenue) for row in rows), sum(float(row.squares) for row in rows)
    mean = total / number
    variance = max(0.0, squares - number * mean * mean) / max(1, number - 1)
    return mean, variance / number
