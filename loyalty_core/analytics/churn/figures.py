"""Churn figures of the customers in scope: probabilities, expected losses and customers, computed in the warehouse.

`read_curve` reads the scope as about a thousand bins of probability in one statement. Thresholds, distributions and
budgets are computed from these in Python, so that moving a slider does not query the warehouse.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.churn.budget import LossBin
from loyalty_core.ml.tasks import DECIMALS, Risk
from loyalty_core.warehouse.columns import filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.analytics.scope import ScopedBase

BINS = 1_000
# Probabilities have six decimals, so this is how far a bin extends above its lower edge.
_BIN_WIDTH = 1 / BINS - 10.0**-DECIMALS
# Loss bins are one per cent wide, since what matters is the ratio of a loss to the cost of a contact.
_LOSS_BINS = 100
# Smaller, zero and negative losses share the last bin: no contact is that cheap.
_MIN_LOSS = 0.01
# The share of customers in two adjacent thousandths of probability, into which any interval of 0.001 falls.
CONCENTRATED_SHARE = 0.95
# With fewer scored customers, a concentration may be due to chance.
_MIN_SCORED = 20
# Larger values are treated as infinite; squares of smaller ones can be summed without overflow.
_MAX_VALUE = 1e15


@dataclass(frozen=True)
class ProbabilityBin:
    """Customers of one risk with a probability from `position` thousandths up to the next; 1 has a bin of its own.

    Sums over the customers: `churners` of p, `squares` of p², `value` of the value column, `loss` of p times value.
    """

    position: int
    risk: Risk
    customers: int
    churners: float
    squares: float
    value: float
    loss: float

    def loss_bin(self) -> LossBin:
        """The bin for a budget in which every customer is worth 1."""
        lowest = self.position / BINS
        return LossBin(
            lowest, lowest + _BIN_WIDTH, self.customers, self.churners, self.churners, self.churners, self.squares
        )


@dataclass(frozen=True)
class Group:
    """A group of customers: expected `churners`, total `value`, and `loss`, the value expected to be lost."""

    customers: int
    churners: float
    value: float
    loss: float

    @property
    def mean(self) -> float:
        """The mean probability; 0 for an empty group."""
        return self.churners / self.customers if self.customers else 0.0


@dataclass(frozen=True)
class Targeting:
    """Contacting everyone at or above a probability; `churners` of them are expected to leave, the others to stay."""

    threshold: float
    customers: int
    churners: float
    all_customers: int
    all_churners: float

    @property
    def share(self) -> float:
        """The share of the customers in scope who are contacted (0-1)."""
        return self.customers / self.all_customers if self.all_customers else 0.0

    @property
    def captured(self) -> float:
        """The share of expected churners who are contacted (0-1)."""
        return self.churners / self.all_churners if self.all_churners else 0.0

    @property
    def loyal(self) -> float:
        """How many of the contacted customers are expected to stay anyway."""
        return self.customers - self.churners

    @property
    def loyal_share(self) -> float:
        """The same as a share of the contacted customers (0-1)."""
        return self.loyal / self.customers if self.customers else 0.0


@dataclass(frozen=True)
class Concentration:
    """A share of customers (above 95 %) with nearly the same probability, about `probability`."""

    share: float
    probability: float


def find_concentration(thousandths: Mapping[int, int]) -> Concentration | None:
    """The concentration of nearly all customers at one probability, from counts per thousandth; None without one."""
    customers = sum(thousandths.values())
    if customers < _MIN_SCORED:
        return None
    pairs = {position: number + thousandths.get(position + 1, 0) for position, number in thousandths.items()}
    most = max(pairs, key=lambda position: (pairs[position], -position))
    share = pairs[most] / customers
    return Concentration(share, most / BINS) if share > CONCENTRATED_SHARE else None


@dataclass(frozen=True)
class ChurnCurve:
    """The scored customers in scope by probability, highest first; `unscored` have no prediction."""

    bins: tuple[ProbabilityBin, ...]
    unscored: int

    @cached_property
    def everyone(self) -> Group:
        """All scored customers."""
        return _group(self.bins)

    def at_risk(self, risk: Risk) -> Group:
        """The customers with this risk in the scoring run."""
        return _group([one for one in self.bins if one.risk == risk])

    @cached_property
    def concentration(self) -> Concentration | None:
        """Set when nearly all customers have the same probability, so that the model does not tell them apart."""
        thousandths: Counter[int] = Counter()
        for one in self.bins:
            thousandths[one.position] += one.customers
        return find_concentration(thousandths)

    def histogram(self, bars: int = 20, threshold: float = 0.0) -> list[int]:
        """Customers at or above a threshold, in equal steps of probability from 0 to 1; the last step includes 1."""
        counts = [0] * bars
        for one in self.bins:
            if one.position >= round(threshold * BINS):
                counts[min(one.position * bars // BINS, bars - 1)] += one.customers
        return counts

    def targeting(self, threshold: float) -> Targeting:
        """The effect of contacting everyone at or above a threshold, rounded to thousandths."""
        first = round(threshold * BINS)
        contacted = _group([one for one in self.bins if one.position >= first])
        return Targeting(
            first / BINS, contacted.customers, contacted.churners, self.everyone.customers, self.everyone.churners
        )

    def loss_bins(self, value: float) -> list[LossBin]:
        """Bins of expected loss when every customer is worth `value`, highest first."""
        return [one.loss_bin().scaled(value) for one in self.bins]


def read_curve(base: ScopedBase, value_column: str | None) -> ChurnCurve:
    """The curve in one statement, at most 1,003 rows; without a value column, value and loss are 0."""
    customers = _scored(base, value_column)
    position = probability_position(customers.c.p)
    bins = sa.select(
        position.label("position"),
        customers.c.risk,
        sa.func.count().label("customers"),
        _sum(customers.c.p).label("churners"),
        _sum(customers.c.p * customers.c.p).label("squares"),
        _sum(customers.c.value).label("value"),
        _sum(customers.c.p * customers.c.value).label("loss"),
    ).group_by(position, customers.c.risk)
    rows = base.rows(bins)
    scored = [ProbabilityBin(**row) for row in rows if row["position"] is not None]
    unscored = sum(row["customers"] for row in rows if row["position"] is None)
    return ChurnCurve(tuple(sorted(scored, key=lambda one: -one.position)), unscored)


def read_loss_bins(base: ScopedBase, value_column: str) -> list[LossBin]:
    """Customers by expected loss, p times value, in bins one per cent wide, highest first; one statement.

    A blank value counts as 0. Losses below 0.01 share the last bin.
    """
    customers = _scored(base, value_column)
    loss = customers.c.p * customers.c.value
    position = loss_position(loss)
    bins = (
        sa.select(
            sa.func.min(loss).label("lowest"),
            sa.func.max(loss).label("highest"),
            sa.func.count().label("customers"),
            _sum(customers.c.p).label("churners"),
            _sum(loss).label("loss"),
            _sum(loss * customers.c.value).label("value_loss"),
            _sum(loss * loss).label("squared_loss"),
        )
        .where(customers.c.p.is_not(None))
        .group_by(position)
    )
    return sorted((LossBin(**row) for row in base.rows(bins)), key=lambda one: -one.lowest)


def loss_position(loss: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """The bin of an expected loss, one per cent wide; NULL below 0.01."""
    counted = sa.case((loss >= _MIN_LOSS, loss))
    return sa.cast(sa.func.floor(sa.func.ln(counted) * _LOSS_BINS), sa.Integer)


def number(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column as a double that can be squared and summed; NULL for NaN and infinities."""
    value = sa.cast(filled(column), sa.Double)
    return sa.case((sa.func.abs(value) <= _MAX_VALUE, value))


def probability_position(probability: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """The bin of a probability: whole thousandths, NULL for NULL."""
    # Exact for probabilities with six decimals, where p * 1000 could fall just below a whole number.
    return sa.cast(sa.func.floor(sa.func.round(probability * 10.0**DECIMALS) / (10.0**DECIMALS / BINS)), sa.Integer)


def _scored(base: ScopedBase, value_column: str | None) -> sa.Subquery:
    """The scope with `p`, `risk` and `value`, 0 where it is blank or there is no such column."""
    p, risk = base.field("churn_probability"), base.field("churn_risk")
    customers = base.customers(p, risk, *([value_column] if value_column else []))
    value = sa.func.coalesce(number(customers.c[value_column]), 0.0) if value_column else sa.literal(0.0, sa.Double)
    scored = sa.select(filled(customers.c[p]).label("p"), customers.c[risk].label("risk"), value.label("value"))
    return scored.subquery("scored")


def _sum(values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.sum(values)


def _group(bins: Sequence[ProbabilityBin]) -> Group:
    return Group(
        sum(one.customers for one in bins),
        sum(one.churners for one in bins),
        sum(one.value for one in bins),
        sum(one.loss for one in bins),
    )
