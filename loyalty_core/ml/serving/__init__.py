"""Answers for one customer: which models answer, what they say, and why."""
