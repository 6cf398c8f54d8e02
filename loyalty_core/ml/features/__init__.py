"""What a model reads: the feature contract, the rows that fill it, and how far they have moved since a training."""
