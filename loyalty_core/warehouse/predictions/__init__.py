"""The predictions of scoring runs: where they are written and how they are read."""
