"""One segment in detail."""
