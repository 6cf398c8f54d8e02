"""Model versions beside each other: compared, promoted, rolled back, tested on some of the customers."""

from loyalty_core.ml.versions.comparison import Matrix, SameRows, Shift, VersionComparison, VersionComparisons
from loyalty_core.ml.versions.promotion import Promotion
from loyalty_core.ml.versions.records import VersionRecord, losses_to, read_versions

__all__ = [
    "Matrix",
    "Promotion",
    "SameRows",
    "Shift",
    "VersionComparison",
    "VersionComparisons",
    "VersionRecord",
    "losses_to",
    "read_versions",
]
