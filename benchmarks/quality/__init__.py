"""Data sets that models are measured on, real and simulated."""
