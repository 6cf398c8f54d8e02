"""The verdicts on all models of the active version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.analytics.outcomes.past_predictions import read_outcomes
from loyalty_core.analytics.outcomes.replay import replay_history
from loyalty_core.analytics.outcomes.verdict import Verdict, performance_verdict
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks import TASKS

if TYPE_CHECKING:
    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.ml.versions import VersionRecord
    from loyalty_core.warehouse import Warehouse


def read_verdicts(warehouse: Warehouse, active: VersionRecord, bundle: Bundle) -> dict[str, Verdict]:
    """The verdict on each model, not known if its history cannot be read; `bundle` is the opened active version."""
    return {name: _verdict(warehouse, task, active, bundle) for name, task in TASKS.items() if name in active.models}


def _verdict(warehouse: Warehouse, task: ModelTask, active: VersionRecord, bundle: Bundle) -> Verdict:
    try:
        outcomes, past_months = read_outcomes(warehouse, task), replay_history(warehouse, bundle, task)
    except LoyaltyError as error:
        return Verdict(False, str(error), is_known=False)
    return performance_verdict(task, active, outcomes, past_months)
