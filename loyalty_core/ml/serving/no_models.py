"""What scores customers while no model can: RFM needs none."""

import numpy as np

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.features import FeatureContract
from loyalty_core.ml.serving.answers import FloatRows

RFM_ONLY_VERSION = "rfm-only"


class NoModels:
    """Has no model, reads no feature, and leaves the columns of all models blank; `why` is the reason, if any."""

    version: str = RFM_ONLY_VERSION
    is_mock: bool = False

    def __init__(self, why: LoyaltyError | None = None) -> None:
        self.why = why
        self.contract = FeatureContract(())
        self.background: FloatRows = np.zeros((0, 0), np.float32)

    def has(self, name: str) -> bool:
        """There is none."""
        del name
        return False

    def offers(self, name: str) -> tuple[int, ...]:
        """There are none."""
        del name
        return ()

    def scores(self, name: str, encoded: FloatRows) -> FloatRows:
        """Never asked for: `has` is false for every model."""
        raise LookupError(f"There is no model {name!r} to score {len(encoded)} rows with.")
