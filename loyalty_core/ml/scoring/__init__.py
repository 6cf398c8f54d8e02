"""Predictions for the whole base or a segment, streamed as Arrow batches."""

from loyalty_core.ml.scoring.batch import BatchScorer
from loyalty_core.ml.scoring.pipeline import make_scorer, score_base
from loyalty_core.ml.scoring.predicted_columns import add_rfm_columns, predicted_columns
from loyalty_core.ml.scoring.segment import (
    Origin,
    SegmentPrediction,
    SegmentReader,
    Source,
    UnknownPrediction,
    kinds,
    predicted_segment,
)
from loyalty_core.ml.serving import RFM

__all__ = [
    "RFM",
    "BatchScorer",
    "Origin",
    "SegmentPrediction",
    "SegmentReader",
    "Source",
    "UnknownPrediction",
    "add_rfm_columns",
    "kinds",
    "make_scorer",
    "predicted_columns",
    "predicted_segment",
    "score_base",
]
