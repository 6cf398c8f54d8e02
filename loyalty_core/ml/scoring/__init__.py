"""Predictions for the whole base or a segment, streamed as Arrow batches."""

from loyalty_core.ml.scoring.batch import BatchScorer
from loyalty_core.ml.scoring.pipeline import make_scorer, score_base
from loyalty_core.ml.scoring.segment import (
    KINDS,
    Kind,
    Origin,
    SegmentPrediction,
    SegmentReader,
    UnknownPrediction,
    predicted_segment,
)

__all__ = [
    "KINDS",
    "BatchScorer",
    "Kind",
    "Origin",
    "SegmentPrediction",
    "SegmentReader",
    "UnknownPrediction",
    "make_scorer",
    "predicted_segment",
    "score_base",
]
