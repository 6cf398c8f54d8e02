"""The Access page: people, roles and API keys."""
