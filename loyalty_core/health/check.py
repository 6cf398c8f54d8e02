"""One line of system health, and how an error becomes one."""

from dataclasses import dataclass
from typing import Literal

from loyalty_core.errors import LoyaltyError

Status = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Check:
    """One line: what was checked, its status, the facts, and the remedy unless all is well."""

    area: str
    name: str
    status: Status
    detail: str
    remedy: str = ""


def failed_check(area: str, name: str, error: LoyaltyError) -> Check:
    """The check that ended with this error."""
    return Check(area, name, "error", f"{error.what} {error.why}".strip(), error.remedy)
