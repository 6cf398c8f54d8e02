"""The A/B test of two model versions."""
