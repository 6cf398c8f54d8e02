"""A company's own files as a local warehouse in one DuckDB file."""
