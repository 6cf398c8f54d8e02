"""From the warehouse's history to the parts of a bundle."""

from loyalty_core.ml.training.balance import describe_balance, describe_channels
from loyalty_core.ml.training.checks import MIN_ROWS, MIN_ROWS_PER_CLASS
from loyalty_core.ml.training.options import TrainingOptions, options_for
from loyalty_core.ml.training.readiness import Readiness, read_readiness

__all__ = [
    "MIN_ROWS",
    "MIN_ROWS_PER_CLASS",
    "Readiness",
    "TrainingOptions",
    "describe_balance",
    "describe_channels",
    "options_for",
    "read_readiness",
]
