"""Two model versions side by side."""
