"""What can go wrong when another warehouse is connected."""

from loyalty_core.errors import LoyaltyError


class UnknownConnection(LoyaltyError):
    """There is no connection with that id."""

    code = "unknown_connection"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"There is no connected data {identifier[:80]!r}.", remedy="Reload the page.")


class ConnectionInUse(LoyaltyError):
    """The connection cannot be removed while the app reads it."""

    code = "connection_in_use"

    def __init__(self, title: str) -> None:
        super().__init__(f"{title} is the data in use.", remedy="Use other data first, then remove it.")


class ConnectionFixed(LoyaltyError):
    """A setting names the warehouse, so it cannot be changed in the app."""

    code = "connection_fixed"

    def __init__(self) -> None:
        super().__init__(
            "The setting DWH_URL names the warehouse.",
            "A setting in the environment, .env or loyalty.toml always wins over what is connected here.",
            "Remove DWH_URL there and start the app again to connect data here.",
        )
