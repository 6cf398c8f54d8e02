"""A simulated loyalty programme as a local warehouse in one DuckDB file."""
