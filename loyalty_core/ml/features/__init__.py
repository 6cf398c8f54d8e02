"""Model inputs: the feature contract, the rows that fill it, and their drift since training."""

from loyalty_core.ml.features.contract import (
    Encoded,
    FeatureContract,
    FeatureCountMismatch,
    InputFeature,
    require_input_size,
)
from loyalty_core.ml.features.drift import DRIFTED, MOVED, Distribution, FeatureDrift, State, psi, state_of
from loyalty_core.ml.features.fitting import fit_contract
from loyalty_core.ml.features.inputs import ModelInputs
from loyalty_core.ml.features.reference import Reference, count_rows, make_reference
from loyalty_core.ml.features.values import FLOAT32_MAX, LARGEST, FeatureKind, as_arrow, as_numbers, kind_of

__all__ = [
    "DRIFTED",
    "FLOAT32_MAX",
    "LARGEST",
    "MOVED",
    "Distribution",
    "Encoded",
    "FeatureContract",
    "FeatureCountMismatch",
    "FeatureDrift",
    "FeatureKind",
    "InputFeature",
    "ModelInputs",
    "Reference",
    "State",
    "as_arrow",
    "as_numbers",
    "count_rows",
    "fit_contract",
    "kind_of",
    "make_reference",
    "psi",
    "require_input_size",
    "state_of",
]
