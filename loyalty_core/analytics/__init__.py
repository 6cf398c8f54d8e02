"""Analytics over the customer base or a segment: aggregates computed in the warehouse, for screens and API."""
