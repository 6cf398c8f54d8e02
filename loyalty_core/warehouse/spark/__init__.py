"""Spark by its Thrift server: a driver, values written as SQL, and the dialect that SQLAlchemy needs."""
