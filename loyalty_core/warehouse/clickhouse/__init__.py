"""ClickHouse inside the process, by chDB: a driver over ADBC, the dialect that SQLAlchemy needs, and predictions."""
