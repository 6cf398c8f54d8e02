"""Segments in the state store, with their versions, sizes and members."""
