"""What the columns of the features view are, what is in them, and what they mean."""
