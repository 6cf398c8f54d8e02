"""Targeting a retention campaign: its expected profit by number of customers contacted, from binned expected losses.

When a customer leaves (probability p), the value v is lost. Contacting costs c and saves a share s of the customers who
would have left. So a contact yields p·s·v - c on average, which is positive when the expected loss p·v is above c / s:
in order of descending expected loss, profit grows up to that point and falls after it. With the same s and c for
everyone, no other selection of customers is more profitable.

The model is that of Neslin et al., "Defection Detection", Journal of Marketing Research 43 (2006), 204-211, without
incentives paid to customers who would have stayed anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# The quantile of the standard normal distribution for a 90 % interval.
_Z_90 = 1.6448536269514722


@dataclass(frozen=True)
class LossBin:
    """Customers with about the same expected loss p·v.

    `lowest` and `highest` bound their expected losses, and bins do not overlap; the other fields are the number of
    customers and sums of p, p·v, p·v² and (p·v)².
    """

    lowest: float
    highest: float
    customers: int
    churners: float
    loss: float
    value_loss: float
    squared_loss: float

    def scaled(self, value: float) -> LossBin:
        """The bin when every customer is worth `value`, for a bin counted with v = 1."""
        square = value * value
        return LossBin(
            self.lowest * value,
            self.highest * value,
            self.customers,
            self.churners,
            self.loss * value,
            self.value_loss * square,
            self.squared_loss * square,
        )

    def merged(self, lower: LossBin) -> LossBin:
        """This bin and one with lower losses, as one bin."""
        return LossBin(
            lower.lowest,
            self.highest,
            self.customers + lower.customers,
            self.churners + lower.churners,
            self.loss + lower.loss,
            self.value_loss + lower.value_loss,
            self.squared_loss + lower.squared_loss,
        )


@dataclass(frozen=True)
class Terms:
    """`cost` of one contact in money, `save_rate` the share (0-1) of contacted churners who stay."""

    cost: float
    save_rate: float

    @property
    def break_even_loss(self) -> float:
        """The expected loss p·v from which a contact is profitable: cost / save rate."""
        return self.cost / self.save_rate if self.save_rate else math.inf


@dataclass(frozen=True)
class Choice:
    """The outcome of contacting everyone with an expected loss of at least `lowest_loss`.

    `profit` is the expected value, `low` and `high` its 90 % interval, `retained` the expected number of customers who
    stay because of the contact; all in the units of the bins.
    """

    customers: int
    lowest_loss: float
    retained: float
    cost: float
    profit: float
    low: float
    high: float


@dataclass(frozen=True)
class Plan:
    """The choices from nobody to everyone, the best one, and the last one that does not lose money."""

    choices: tuple[Choice, ...]
    best: Choice
    break_even: Choice | None


def plan(bins: Sequence[LossBin], terms: Terms) -> Plan:
    """Evaluate every cutoff in `bins`, given by descending loss; of equally profitable ones the smallest is best.

    `break_even` is the largest choice that does not lose money, None if contacting everyone does not either.
    """
    choices = (_nobody(), *(_choice(contacted, terms) for contacted in accumulate(bins, LossBin.merged)))
    best = max(choices, key=lambda choice: (choice.profit, -choice.customers))
    paying = [choice for choice in choices if choice.profit >= 0]
    return Plan(choices, best, paying[-1] if choices[-1].profit < 0 else None)


def threshold_loss(bins: Sequence[LossBin], choice: Choice) -> float:
    """A short number that separates the choice's customers from the others, for use in a rule.

    Exactly the choice's customers have an expected loss at or above it.
    """
    left_out = next((low.highest for high, low in pairwise(bins) if high.lowest == choice.lowest_loss), -math.inf)
    shortened = (_rounded_down(choice.lowest_loss, digits) for digits in range(1, 17))
    return next((number for number in shortened if number > left_out), choice.lowest_loss)


def _nobody() -> Choice:
    return Choice(0, math.inf, 0.0, 0.0, 0.0, 0.0, 0.0)


def _choice(contacted: LossBin, terms: Terms) -> Choice:
    """The choice of all customers down to a bin, merged into one.

    Each contacted customer is retained with probability p·s, independently of the others, and is then worth v. So the
    retained value has the mean Σ p·s·v and the variance Σ p·s·(1 - p·s)·v² = s·Σ p·v² - s²·Σ (p·v)², that of a weighted
    Poisson binomial; by Lyapunov's central limit theorem the sum is approximately normal for more than a few customers.
    """
    rate = terms.save_rate
    cost = terms.cost * contacted.customers
    profit = rate * contacted.loss - cost
    variance = rate * contacted.value_loss - rate * rate * contacted.squared_loss
    margin = _Z_90 * math.sqrt(max(variance, 0.0))
    return Choice(
        contacted.customers, contacted.lowest, rate * contacted.churners, cost, profit, profit - margin, profit + margin
    )


def _rounded_down(number: float, digits: int) -> float:
    """Round down to significant digits."""
    return float(Context(prec=digits, rounding=ROUND_FLOOR).create_decimal_from_float(number))
