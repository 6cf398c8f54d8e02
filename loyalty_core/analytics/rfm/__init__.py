"""RFM analytics over the customers in scope."""

from loyalty_core.analytics.rfm.figures import (
    CurvePoint,
    RfmFigures,
    RfmSegment,
    Spending,
    cell_conditions,
    read_rfm,
    segment_condition,
    spending_curve,
    strength,
)
from loyalty_core.analytics.rfm.movement import Flow, Kind, Movement
from loyalty_core.analytics.rfm.preview import RfmChange, preview_change

__all__ = [
    "CurvePoint",
    "Flow",
    "Kind",
    "Movement",
    "RfmChange",
    "RfmFigures",
    "RfmSegment",
    "Spending",
    "cell_conditions",
    "preview_change",
    "read_rfm",
    "segment_condition",
    "spending_curve",
    "strength",
]
