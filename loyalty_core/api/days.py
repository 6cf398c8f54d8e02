"""Days and times in requests: as text only, since Pydantic would take a number for seconds since 1970."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ].+", re.ASCII)


def _day(value: Any) -> Any:
    if isinstance(value, int | float) or (isinstance(value, str) and not _DAY.fullmatch(value)):
        raise ValueError("Write the day as 2026-03-31.")
    return value


def _time(value: Any) -> Any:
    if isinstance(value, int | float) or (isinstance(value, str) and not _TIME.fullmatch(value)):
        raise ValueError("Write the time as 2026-03-31T12:00:00Z.")
    return value


Day = Annotated[date, BeforeValidator(_day)]
# With its zone.
Time = Annotated[AwareDatetime, BeforeValidator(_time)]
