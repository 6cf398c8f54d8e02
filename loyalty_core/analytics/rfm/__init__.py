"""RFM over the customers in scope."""
