"""From the warehouse's history to the parts of a bundle."""
