"""Churn, next best offer and RFM: training on the warehouse's history, serving with LiteRT."""
