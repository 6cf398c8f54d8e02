"""Model versions beside each other: compared, promoted, rolled back, tested on some of the customers."""

from loyalty_core.ml.versions.comparison import (
    Matrix,
    NoComparisons,
    SameRows,
    Shift,
    VersionComparison,
    VersionComparisons,
)
from loyalty_core.ml.versions.promotion import Promotion, WorseVersion
from loyalty_core.ml.versions.records import (
    Judgement,
    UnconfirmedLeak,
    VersionRecord,
    judge,
    losses_to,
    read_versions,
    require_confirmed_leaks,
)

__all__ = [
    "Judgement",
    "Matrix",
    "NoComparisons",
    "Promotion",
    "SameRows",
    "Shift",
    "UnconfirmedLeak",
    "VersionComparison",
    "VersionComparisons",
    "VersionRecord",
    "WorseVersion",
    "judge",
    "losses_to",
    "read_versions",
    "require_confirmed_leaks",
]
