"""How good a model is: metrics with intervals, beside simple baselines on the same rows."""
