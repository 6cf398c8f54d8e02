"""The verdict on every model of the active version, read afresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.analytics.outcomes.past_predictions import read_churn_outcomes, read_offer_outcomes
from loyalty_core.analytics.outcomes.replay import replay_churn, replay_offers
from loyalty_core.analytics.outcomes.verdict import Verdict, performance_verdict
from loyalty_core.errors import LoyaltyError
from loyalty_core.warehouse.history import TABLES

if TYPE_CHECKING:
    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.ml.versions import VersionRecord
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.history import ModelName


def read_verdicts(warehouse: Warehouse, active: VersionRecord, bundle: Bundle) -> dict[ModelName, Verdict]:
    """Whether each model has got worse; not known where its history cannot be read. `bundle` is the version opened."""
    return {model: _verdict(warehouse, model, active, bundle) for model in TABLES if model in active.models}


def _verdict(warehouse: Warehouse, model: ModelName, active: VersionRecord, bundle: Bundle) -> Verdict:
    try:
        if model == "churn":
            outcomes, replay = read_churn_outcomes(warehouse), replay_churn(warehouse, bundle)
        else:
            outcomes, replay = read_offer_outcomes(warehouse), replay_offers(warehouse, bundle)
    except LoyaltyError as error:
        return Verdict(False, str(error), is_known=False)
    return performance_verdict(model, active, outcomes, replay)
