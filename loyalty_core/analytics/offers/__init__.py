"""Next best offers over the customers in scope, and the policies that arbitrate between offers."""
