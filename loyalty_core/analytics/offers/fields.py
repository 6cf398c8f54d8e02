"""Predictions of offers in the scope: the fields that hold them, and their values in SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.ml.tasks import NBO, UPLIFT, UPTAKE
from loyalty_core.warehouse.columns import filled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.analytics.scope import ScopedBase

_OFFER = re.compile(r"offer_(\d+)")


def offer_ids(base: ScopedBase) -> tuple[int, ...]:
    """The offers for which the last scoring run has propensities."""
    predictions = base.warehouse.predictions
    names = predictions.c.keys() if predictions is not None else ()
    return tuple(sorted(int(found[1]) for name in names if (found := _OFFER.fullmatch(name))))


def propensity_field(base: ScopedBase, offer_id: int) -> str:
    """The field with the propensity of an offer."""
    return base.field(f"offer_{offer_id}")


def uptake_field(base: ScopedBase) -> str | None:
    """The field with the probability of taking any offer; None unless everyone with an offer has one."""
    return _field_of_all(base, UPTAKE.score_column)


def uplift_field(base: ScopedBase) -> str | None:
    """The field with what contact changes; None unless everyone with an offer has one."""
    return _field_of_all(base, UPLIFT.score_column)


def _field_of_all(base: ScopedBase, prediction: str) -> str | None:
    found, confidence = (base.column(base.field(name)) for name in (prediction, NBO.score_column))
    if found is None or confidence is None or found.blanks is None or confidence.blanks is None:
        return None
    return found.name if found.blanks <= confidence.blanks < 1 else None


def propensities_in(customers: sa.FromClause, names: Mapping[int, str]) -> dict[int, sa.ColumnElement[Any]]:
    """The propensity of each offer as a double, from the columns in `names`; blanks are NULL."""
    # As doubles, since some databases return single precision rounded.
    return {offer: number_in(customers.c[name]) for offer, name in names.items()}


def conversion_probabilities(
    customers: sa.FromClause, names: Mapping[int, str], uptake: str | None
) -> dict[int, sa.ColumnElement[Any]]:
    """The probability of a conversion by offer, propensity × uptake; without an uptake, the propensity."""
    propensities = propensities_in(customers, names)
    if uptake is None:
        return propensities
    any_offer = number_in(customers.c[uptake])
    return {offer: propensity * any_offer for offer, propensity in propensities.items()}


def number_in(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as a double, with blanks as NULL; sums in single precision would lose digits."""
    return sa.cast(filled(column), sa.Double)
