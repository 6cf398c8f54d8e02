"""Recency, frequency and monetary scores: cut points, the 125 cells, and a company's own map of them."""
