"""What the predictions say about the base or a segment: aggregates counted in the warehouse, for screens and API."""
