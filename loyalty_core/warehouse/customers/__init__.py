"""Single customers: found, read, cached; and the key figures of all."""
