"""Campaigns: who is written to, with which offer, when, and what became of it."""
