"""Pieces of the Overview screen."""
