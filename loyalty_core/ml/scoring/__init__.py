"""Predictions for the whole base or a segment, streamed as Arrow batches."""
