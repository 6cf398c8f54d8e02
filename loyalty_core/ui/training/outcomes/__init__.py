"""Predictions beside what then happened."""
