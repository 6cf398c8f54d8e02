"""Score drift: the distribution of predictions in each stored scoring run, compared with the run before."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from loyalty_core.analytics.churn import BINS, probability_position
from loyalty_core.ml.features import State, psi, state_of
from loyalty_core.warehouse.columns import filled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loyalty_core.ml.tasks import Risk
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.predictions import ScoringRun

# Histogram bars of five percentage points, as on the Churn screen.
BARS = 20

Cause = Literal["customers", "model", "both"]


@dataclass(frozen=True)
class Scores:
    """Counts of customers by their predictions.

    `thousandths` counts by churn probability (position i: from i/1000 up to the next), `risks` by risk band, `offers`
    by best offer; `churners` is the sum of the probabilities. Customers without a prediction are not counted there.
    """

    customers: int = 0
    thousandths: Mapping[int, int] = field(default_factory=dict)
    risks: Mapping[Risk, int] = field(default_factory=dict)
    offers: Mapping[int, int] = field(default_factory=dict)
    churners: float = 0.0

    @cached_property
    def with_churn(self) -> int:
        """The number of customers with a churn probability."""
        return sum(self.thousandths.values())

    @cached_property
    def with_offer(self) -> int:
        """The number of customers with an offer."""
        return sum(self.offers.values())

    @property
    def mean(self) -> float | None:
        """The mean churn probability; None if no customer has one."""
        return self.churners / self.with_churn if self.with_churn else None

    def risk_share(self, risk: Risk) -> float:
        """The share of this risk among customers with a churn probability (0–1)."""
        return self.risks.get(risk, 0) / self.with_churn if self.with_churn else 0.0

    def offer_share(self, offer: int) -> float:
        """The share of this offer among customers with an offer (0–1)."""
        return self.offers.get(offer, 0) / self.with_offer if self.with_offer else 0.0

    def bars(self) -> tuple[int, ...]:
        """Customers in equal steps of probability from 0 to 1; the last step includes 1."""
        counts = [0] * BARS
        for position, customers in self.thousandths.items():
            counts[min(position * BARS // BINS, BARS - 1)] += customers
        return tuple(counts)


@dataclass(frozen=True)
class ScoredRun:
    """A run by model version; two versions in a run made during an A/B test."""

    run: ScoringRun
    by_version: Mapping[str, Scores]

    @cached_property
    def scores(self) -> Scores:
        """The scores of all versions together."""
        return _together(self.by_version.values())

    @property
    def versions(self) -> tuple[str, ...]:
        """The model versions, oldest first."""
        return tuple(sorted(self.by_version))


@dataclass(frozen=True)
class ScoreChange:
    """The change from one run to the next; a PSI is None if one of them has no such predictions."""

    before: ScoredRun
    after: ScoredRun

    @property
    def churn_psi(self) -> float | None:
        """The PSI of churn probabilities in 20 equal steps."""
        return _index(*self._churn)

    @property
    def churn_state(self) -> State | None:
        return _state(*self._churn)

    @property
    def offers_psi(self) -> float | None:
        """The PSI of best offers."""
        return _index(*self._offers)

    @property
    def offers_state(self) -> State | None:
        return _state(*self._offers)

    @property
    def cause(self) -> Cause:
        """The possible cause of a difference: the customers, a different model, or both."""
        before, after = set(self.before.versions), set(self.after.versions)
        if before == after:
            return "customers"
        return "both" if before & after else "model"

    @property
    def sentence(self) -> str:
        """The cause in words."""
        match self.cause:
            case "customers":
                return "The customers: the model is the same."
            case "model":
                return "Another model, and perhaps the customers."
            case "both":
                return "One of two models, and perhaps the customers."

    @property
    def _churn(self) -> tuple[Sequence[int], Sequence[int]]:
        return self.before.scores.bars(), self.after.scores.bars()

    @property
    def _offers(self) -> tuple[Sequence[int], Sequence[int]]:
        then, now = self.before.scores.offers, self.after.scores.offers
        ids = sorted(then.keys() | now.keys())
        return [then.get(one, 0) for one in ids], [now.get(one, 0) for one in ids]


def read_scores(warehouse: Warehouse, run: ScoringRun, predictions: sa.FromClause) -> ScoredRun:
    """Read the scores of a run with two statements: by probability and risk, and by best offer."""
    version = predictions.c.model_version.label("version")
    customers = sa.func.count().label("customers")
    probability = filled(predictions.c.churn_probability)
    position = probability_position(probability).label("position")
    churn = sa.select(
        version, position, predictions.c.churn_risk.label("risk"), customers, sa.func.sum(probability).label("churners")
    ).group_by(predictions.c.model_version, position, predictions.c.churn_risk)
    offer = predictions.c.recommended_offer
    best = sa.select(version, offer.label("offer"), customers).group_by(predictions.c.model_version, offer)
    by_version: dict[str, _Tally] = {}
    for row in warehouse.rows(churn):
        by_version.setdefault(row["version"], _Tally()).add_churn(**row)
    for row in warehouse.rows(best):
        by_version.setdefault(row["version"], _Tally()).add_offer(row["offer"], row["customers"])
    return ScoredRun(run, {name: tally.scores() for name, tally in by_version.items()})


def changes(runs: Sequence[ScoredRun]) -> list[ScoreChange]:
    """Each run compared with the one before; `runs` and changes are newest first."""
    return [ScoreChange(before, after) for after, before in itertools.pairwise(runs)]


class _Tally:
    """Accumulates the counts of one version."""

    def __init__(self) -> None:
        self.customers = 0
        self.churners = 0.0
        self.thousandths: Counter[int] = Counter()
        self.risks: Counter[Risk] = Counter()
        self.offers: Counter[int] = Counter()

    def add_churn(self, *, position: int | None, risk: Risk, customers: int, churners: float, **_: Any) -> None:
        self.customers += customers
        if position is not None:
            self.thousandths[position] += customers
            self.risks[risk] += customers
            self.churners += churners

    def add_offer(self, offer: int | None, customers: int) -> None:
        if offer is not None:
            self.offers[offer] += customers

    def scores(self) -> Scores:
        return Scores(self.customers, dict(self.thousandths), dict(self.risks), dict(self.offers), self.churners)


def _together(parts: Iterable[Scores]) -> Scores:
    every = list(parts)
    counters = ("thousandths", "risks", "offers")
    thousandths, risks, offers = (sum((Counter(getattr(one, name)) for one in every), Counter()) for name in counters)
    return Scores(sum(one.customers for one in every), thousandths, risks, offers, sum(one.churners for one in every))


def _index(then: Sequence[int], now: Sequence[int]) -> float | None:
    return psi(then, now) if any(then) and any(now) else None


def _state(then: Sequence[int], now: Sequence[int]) -> State | None:
    return state_of(then, now) if any(then) and any(now) else None
