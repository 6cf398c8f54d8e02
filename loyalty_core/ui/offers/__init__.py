"""The Next best offer screen: what is recommended, arbitration, and one customer's offers."""
