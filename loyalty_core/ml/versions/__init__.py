"""Model versions beside each other: compared, promoted, rolled back, tested on some of the customers."""
