"""What the Churn screen reads, cached until the data, the predictions or a segment change."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from loyalty_core.analytics.churn import (
    ChurnCurve,
    ContactGains,
    LossBin,
    RiskByValue,
    contact_gain,
    still_here,
)
from loyalty_core.analytics.churn import figures as churn
from loyalty_core.analytics.churn import groups as churn_groups
from loyalty_core.analytics.churn import selection as churn_selection
from loyalty_core.analytics.monitoring import read_drift
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import Bundle, Experiment
from loyalty_core.ml.features import FeatureDrift
from loyalty_core.ml.tasks import CHURN, UPLIFT, Risk
from loyalty_core.ml.training import describe_channels
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads
from loyalty_core.ui.cached_reads import RuleBasis, cached
from loyalty_core.ui.scope_reader import ScopeReader, scoped_base
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import is_money
from loyalty_core.warehouse.connection import Row

# Enough for means with two stable digits; explaining a customer takes about a millisecond.
SAMPLE = 200
MAX_CATEGORIES = 8


def money_columns() -> list[Column]:
    """Columns that can say what a customer is worth, revenue first."""
    revenue = cached_reads.column_for("revenue")
    money = [one for one in cached_reads.catalog().columns if is_money(one)]
    return list(dict.fromkeys([*([revenue] if revenue else []), *money]))


def channels_of_uplift() -> str:
    """By which channels the customers were contacted whom the uplift model learned from; empty where not known."""
    try:
        models = get_services().inference.models()
    except LoyaltyError:
        return ""
    if not isinstance(models, Bundle) or not models.has(UPLIFT.name):
        return ""
    return describe_channels(models.manifest["models"][UPLIFT.name].get("window", {}))


class ChurnReader(ScopeReader):
    """Reads the figures of the Churn screen."""

    def curve(self) -> ChurnCurve:
        """The scope by probability, valued by revenue where the view has it."""
        return self._curve_of(self.segment_id)

    def curve_to_contact(self) -> ChurnCurve:
        """The scope without those who have already left."""
        return self._curve_of(self.segment_id, to_contact=True)

    def curve_of_everyone(self) -> ChurnCurve:
        """The whole base by probability, whatever the scope."""
        return self._curve_of(None)

    def _curve_of(self, segment_id: str | None, *, to_contact: bool = False) -> ChurnCurve:
        revenue = cached_reads.column_for("revenue")
        return _curve(segment_id, revenue.name if revenue else None, to_contact, self.basis)

    def loss_bins(self, value_column: str) -> list[LossBin]:
        """The scope without those who have already left, by probability times a money column."""
        return _loss_bins(self.segment_id, value_column, self.basis)

    def has_uplift(self) -> bool:
        """Whether the last scoring run has an uplift."""
        return _has_uplift(self.basis)

    def gains(self, value_column: str | None, amount: float) -> ContactGains:
        """The scope without those who have already left, by uplift times a money column or one amount."""
        return _gains(self.segment_id, value_column, amount, self.basis)

    def risk_by_category(self, name: str) -> list[RiskByValue]:
        """Risk by the most frequent values of a column."""
        return _risk_by_category(self.segment_id, name, self.basis)

    def risk_by_tenure(self, name: str) -> list[RiskByValue]:
        """Risk by how long customers have been members."""
        return _risk_by_tenure(self.segment_id, name, cached_reads.source().newest, self.basis)

    def drift(self) -> tuple[FeatureDrift, ...]:
        """The features by how far the base has drifted; empty where that cannot be said."""
        return _drift(get_services().inference.served().versions, self.basis)

    def drivers(self, customers: int) -> dict[str, float]:
        """Mean absolute contribution of each feature over a sample of the scope, in percentage points."""
        served = get_services().inference.served()
        return _drivers(self.segment_id, customers, served.versions, served.experiment, self.basis)

    def customers_by_loss(
        self, value_column: str | None, fields: Sequence[str], risk: Risk | None, limit: int, offset: int
    ) -> list[Row]:
        """One page of the table."""
        return _customers_by_loss(self.segment_id, value_column, tuple(fields), risk, limit, offset, self.basis)


@cached
def _curve(segment_id: str | None, value_column: str | None, to_contact: bool, basis: RuleBasis) -> ChurnCurve:
    del basis  # only part of the cache key, as below
    base = scoped_base(segment_id)
    curve = churn.read_curve(still_here(base) if to_contact else base, value_column)
    # Added up over all bins, which the cache saves with the curve.
    _ = curve.everyone, curve.concentration
    return curve


@cached
def _loss_bins(segment_id: str | None, value_column: str, basis: RuleBasis) -> list[LossBin]:
    del basis
    return churn.read_loss_bins(still_here(scoped_base(segment_id)), value_column)


@cached
def _has_uplift(basis: RuleBasis) -> bool:
    del basis
    return contact_gain.has_uplift(scoped_base(None))


@cached
def _gains(segment_id: str | None, value_column: str | None, amount: float, basis: RuleBasis) -> ContactGains:
    del basis
    return contact_gain.read_gains(still_here(scoped_base(segment_id)), value_column, amount)


@cached
def _risk_by_category(segment_id: str | None, name: str, basis: RuleBasis) -> list[RiskByValue]:
    del basis
    return churn_groups.risk_by_category(scoped_base(segment_id), name, MAX_CATEGORIES)


@cached
def _risk_by_tenure(segment_id: str | None, name: str, today: date | None, basis: RuleBasis) -> list[RiskByValue]:
    del basis
    return churn_groups.risk_by_tenure(scoped_base(segment_id), name, today)


@cached
def _drift(versions: tuple[str, ...], basis: RuleBasis) -> tuple[FeatureDrift, ...]:
    del versions, basis
    services = get_services()
    models = services.inference.models()
    try:
        services.warehouse.require_every_customer("Drift")
        return tuple(read_drift(services.warehouse, models.manifest)) if isinstance(models, Bundle) else ()
    except LoyaltyError:
        return ()  # such as a version without a reference


@cached
def _drivers(
    segment_id: str | None, customers: int, versions: tuple[str, ...], experiment: Experiment | None, basis: RuleBasis
) -> dict[str, float]:
    del versions, experiment, basis
    ids = churn_groups.sample_ids(scoped_base(segment_id), customers, SAMPLE)
    return get_services().inference.mean_drivers(CHURN.name, ids)


@cached
def _customers_by_loss(
    segment_id: str | None,
    value_column: str | None,
    fields: tuple[str, ...],
    risk: Risk | None,
    limit: int,
    offset: int,
    basis: RuleBasis,
) -> list[Any]:
    del basis
    return churn_selection.customers_by_loss(scoped_base(segment_id), value_column, fields, risk, limit, offset)
