"""Local warehouses in one DuckDB file: a simulated programme, or a company's own files."""
