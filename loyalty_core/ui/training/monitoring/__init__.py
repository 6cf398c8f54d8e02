"""Whether the active models still hold."""
