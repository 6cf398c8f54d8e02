"""Whom a campaign against churn contacts for the highest expected profit, and the rule that finds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.churn.budget import Choice, Plan, Terms, plan, threshold_loss
from loyalty_core.analytics.churn.contact_gain import gain_rule, gain_terms, read_gains
from loyalty_core.analytics.churn.figures import read_curve, read_loss_bins
from loyalty_core.analytics.churn.gone import still_here
from loyalty_core.analytics.churn.selection import loss_rule, threshold_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.analytics.churn.budget import LossBin
    from loyalty_core.analytics.scope import ScopedBase


@dataclass(frozen=True)
class Worth:
    """What a customer is worth: the value in a column, or without a column the same amount for everybody."""

    column: str | None
    amount: float = 1.0


@dataclass(frozen=True)
class ContactPlan:
    """The plan, and of its best choice the `threshold` and the `rule`, which is None where no contact pays.

    `harmed` customers are left out because contact makes a conversion less likely, `unscored` ones have no uplift; both
    are 0 where uplift does not decide.
    """

    plan: Plan
    threshold: float | None
    rule: Any | None
    harmed: int = 0
    unscored: int = 0


def plan_contacts(base: ScopedBase, worth: Worth, cost: float, save_rate: float | None) -> ContactPlan:
    """The plan for the customers in scope who have not left; without a save rate, uplift decides."""
    present = still_here(base)
    if save_rate is None:
        gains = read_gains(present, worth.column, worth.amount)
        return _planned(present, gains.bins, gain_terms(cost), worth, gains.harmed, gains.unscored, by_uplift=True)
    bins = read_loss_bins(present, worth.column) if worth.column else read_curve(present, None).loss_bins(worth.amount)
    return _planned(present, bins, Terms(cost, save_rate), worth, by_uplift=False)


def contact_threshold(bins: Sequence[LossBin], choice: Choice, worth: Worth, *, by_uplift: bool) -> float:
    """The least probability (or uplift) of the choice's customers, times worth where that is a column."""
    if worth.column is not None:
        return threshold_loss(bins, choice)
    if not by_uplift:
        return round(choice.lowest_loss / worth.amount, 3)  # where the bins of probability begin
    unit = 1 / worth.amount
    return threshold_loss([one.scaled(unit) for one in bins], replace(choice, lowest_loss=choice.lowest_loss * unit))


def contact_rule(base: ScopedBase, threshold: float, worth: Worth, *, by_uplift: bool) -> Any:
    """The rule of the customers in scope who reach a threshold."""
    if by_uplift:
        return gain_rule(base, worth.column, threshold)
    return loss_rule(base, worth.column, threshold) if worth.column else threshold_rule(base, threshold)


def _planned(
    base: ScopedBase,
    bins: Sequence[LossBin],
    terms: Terms,
    worth: Worth,
    harmed: int = 0,
    unscored: int = 0,
    *,
    by_uplift: bool,
) -> ContactPlan:
    found = plan(bins, terms)
    if not found.best.customers:
        return ContactPlan(found, None, None, harmed, unscored)
    threshold = contact_threshold(bins, found.best, worth, by_uplift=by_uplift)
    rule = contact_rule(base, threshold, worth, by_uplift=by_uplift)
    return ContactPlan(found, threshold, rule, harmed, unscored)
