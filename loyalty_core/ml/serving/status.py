"""Which version serves, for System health."""

from dataclasses import dataclass

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import Experiment


@dataclass(frozen=True)
class ModelStatus:
    """What serves: `version` is None when nothing can; `refusal` says why the active version does not.

    `experiment` is the A/B test that runs; `experiment_refusal` says why one that was started does not.
    """

    version: str | None
    is_mock: bool = False
    refusal: LoyaltyError | None = None
    experiment: Experiment | None = None
    experiment_refusal: LoyaltyError | None = None
