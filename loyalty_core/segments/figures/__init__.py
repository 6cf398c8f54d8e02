"""What a rule amounts to, counted in the warehouse."""
