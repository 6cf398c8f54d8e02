"""Whether the active models are still good."""
