"""The segment editor."""
