"""Whom a retention campaign should contact, and what it brings: plain arithmetic on binned expected losses.

A customer who leaves with probability p takes the value v along. Contacting costs c, and a share s of those who
would have left stays because of it. So a contact brings p·s·v - c on average, which is positive where the expected
loss p·v is above c / s: contacting in order of falling expected loss, profit grows up to there and falls after it.
With the same s and c for everyone no other choice of customers is better.

The frame is that of Neslin et al., "Defection Detection", Journal of Marketing Research 43 (2006), 204-211, without
incentives paid to those who would have stayed anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of the standard normal distribution: 90 % lie within this many standard deviations.
_NINETY_PERCENT = 1.6448536269514722


@dataclass(frozen=True)
class LossBin:
    """Customers of about the same expected loss p·v.

    `lowest` and `highest` bound the expected losses among them, and no other bin reaches in between; the others are
    sums over them: of p, p·v, p·v² and (p·v)².
    """

    lowest: float
    highest: float
    customers: int
    churners: float
    loss: float
    value_loss: float
    squared_loss: float

    def times(self, value: float) -> LossBin:
        """The bin in money, when it was counted with v = 1 and every customer is worth `value`."""
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

    def plus(self, other: LossBin) -> LossBin:
        """Both together, where the other one has the lower losses."""
        return LossBin(
            other.lowest,
            self.highest,
            self.customers + other.customers,
            self.churners + other.churners,
            self.loss + other.loss,
            self.value_loss + other.value_loss,
            self.squared_loss + other.squared_loss,
        )


@dataclass(frozen=True)
class Terms:
    """`cost` of one contact in money, `save_rate` as the share (0-1) of contacted churners who stay."""

    cost: float
    save_rate: float

    @property
    def worthwhile_loss(self) -> float:
        """The expected loss p·v from which a contact pays: cost / save rate."""
        return self.cost / self.save_rate if self.save_rate else math.inf


@dataclass(frozen=True)
class Choice:
    """What contacting everybody with an expected loss of at least `lowest_loss` brings.

    `profit` is the expected one, `low` and `high` bound 90 % of what chance makes of it; `kept` is how many customers
    stay because of it; all in the units of the bins.
    """

    customers: int
    lowest_loss: float
    kept: float
    cost: float
    profit: float
    low: float
    high: float


@dataclass(frozen=True)
class Plan:
    """The choices from nobody to everybody, the best of them, and from which on the campaign loses money."""

    choices: tuple[Choice, ...]
    best: Choice
    break_even: Choice | None


def plan(bins: Sequence[LossBin], terms: Terms) -> Plan:
    """Weigh every cut through `bins`, which come with falling losses; of equally good ones the smallest is best.

    `break_even` is the largest choice that does not lose money, None when contacting everybody does not either.
    """
    choices = (_nobody(), *(_choice(reached, terms) for reached in accumulate(bins, LossBin.plus)))
    best = max(choices, key=lambda choice: (choice.profit, -choice.customers))
    paying = [choice for choice in choices if choice.profit >= 0]
    return Plan(choices, best, paying[-1] if choices[-1].profit < 0 else None)


def splitting_loss(bins: Sequence[LossBin], choice: Choice) -> float:
    """A short number between the choice's smallest expected loss and the next one, to be written into a rule.

    At or above it are exactly the choice's customers.
    """
    left_out = next((low.highest for high, low in pairwise(bins) if high.lowest == choice.lowest_loss), -math.inf)
    shortened = (_rounded_down(choice.lowest_loss, digits) for digits in range(1, 17))
    return next((number for number in shortened if number > left_out), choice.lowest_loss)


def _nobody() -> Choice:
    return Choice(0, math.inf, 0.0, 0.0, 0.0, 0.0, 0.0)


def _choice(reached: LossBin, terms: Terms) -> Choice:
    """All customers down to a bin, as one.

    Each contacted customer is kept with probability p·s, independently of the others, and is then worth v. So the
    value kept has the mean Σ p·s·v and the variance Σ p·s·(1 - p·s)·v² = s·Σ p·v² - s²·Σ (p·v)², that of a weighted
    Poisson binomial; by Lyapunov's central limit theorem the sum is nearly normal for more than a few customers.
    """
    share = terms.save_rate
    cost = terms.cost * reached.customers
    profit = share * reached.loss - cost
    variance = share * reached.value_loss - share * share * reached.squared_loss
    spread = _NINETY_PERCENT * math.sqrt(max(variance, 0.0))
    return Choice(
        reached.customers, reached.lowest, share * reached.churners, cost, profit, profit - spread, profit + spread
    )


def _rounded_down(number: float, digits: int) -> float:
    """To significant digits."""
    return float(Context(prec=digits, rounding=ROUND_FLOOR).create_decimal_from_float(number))
