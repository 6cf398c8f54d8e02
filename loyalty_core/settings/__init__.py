"""Every setting of the product, read from the environment, `.env` and `loyalty.toml`."""
