"""Errors that a person can act on."""


class LoyaltyError(Exception):
    """Says what happened, why, and what to do about it; shown as it is on pages, in the API and in the terminal.

    `code` is a stable word for programs (the API's `error` field); the other three are sentences for people.
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
    """A setting has a value that cannot work."""

    code = "bad_setting"


class DataError(LoyaltyError):
    """Input data (a file, a table) cannot be used as it is."""

    code = "bad_data"


class WarehouseUnavailable(LoyaltyError):
    """The warehouse does not answer."""

    code = "warehouse_unavailable"


class ViewUnusable(LoyaltyError):
    """The warehouse answers, but the features view is missing, empty or not shaped as needed."""

    code = "view_unusable"


class QueryTimeout(LoyaltyError):
    """A statement ran longer than the limit and was stopped."""

    code = "query_timeout"


class CustomerNotFound(LoyaltyError):
    """No customer has the id asked for."""

    code = "customer_not_found"


class StateStoreUnavailable(LoyaltyError):
    """The app's own database does not answer."""

    code = "state_store_unavailable"
