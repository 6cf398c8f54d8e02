"""Churn over the customers in scope."""
