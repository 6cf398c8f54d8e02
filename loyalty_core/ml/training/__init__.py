"""From the warehouse's history to the parts of a bundle."""

from loyalty_core.ml.training.checks import FEWEST_OF_A_CLASS, FEWEST_ROWS
from loyalty_core.ml.training.options import TrainingOptions, options_for
from loyalty_core.ml.training.readiness import Readiness, read_readiness

__all__ = [
    "FEWEST_OF_A_CLASS",
    "FEWEST_ROWS",
    "Readiness",
    "TrainingOptions",
    "options_for",
    "read_readiness",
]
