"""Errors that users can act on."""


class LoyaltyError(Exception):
    """Says what happened, why, and what to do; shown unchanged on screens, in the API and in the terminal.

    `code` is a stable identifier for programs (the API's `error` field); `what`, `why` and `remedy` are sentences.
    """

    code = "error"

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.remedy) if part)


class SettingsError(LoyaltyError):
    """A setting has an invalid value."""

    code = "bad_setting"


class DataError(LoyaltyError):
    """Input data, such as a file or a table, cannot be used."""

    code = "bad_data"


class WarehouseUnavailable(LoyaltyError):
    """The warehouse cannot be reached or does not respond."""

    code = "warehouse_unavailable"


class ViewUnusable(LoyaltyError):
    """The features view is missing, empty or lacks what is required."""

    code = "view_unusable"


class QueryTimeout(LoyaltyError):
    """A statement exceeded the time limit and was stopped."""

    code = "query_timeout"


class CustomerNotFound(LoyaltyError):
    """No customer has the given id."""

    code = "customer_not_found"


class StateStoreUnavailable(LoyaltyError):
    """The state store cannot be reached or does not respond."""

    code = "state_store_unavailable"
