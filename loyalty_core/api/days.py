"""Days in requests."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _as_written(value: Any) -> Any:
    """Pydantic would take a number for seconds since 1970."""
    if (isinstance(value, str) and not _WRITTEN.fullmatch(value)) or isinstance(value, int | float):
        raise ValueError("Write the day as 2026-03-31.")
    return value


# A day written as 2026-03-31 and in no other way.
Day = Annotated[date, BeforeValidator(_as_written)]
