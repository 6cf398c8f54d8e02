"""What background jobs do, each in a process of its own; `loyalty_core.jobs` starts and follows them."""
