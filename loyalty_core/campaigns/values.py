"""The kinds of values in the definition of a campaign, with their bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

_MAX_COUNT = 2**31 - 1
_MAX_DAYS = 3_660
_MAX_MONEY = 1e12

STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True, str_strip_whitespace=True)

Identifier = Annotated[str, Field(min_length=1, max_length=100)]
Count = Annotated[int, Field(ge=0, le=_MAX_COUNT, strict=True)]
Days = Annotated[int, Field(ge=1, le=_MAX_DAYS, strict=True)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, le=_MAX_MONEY, allow_inf_nan=False)]
OfferId = Annotated[int, Field(ge=0, le=2**53, strict=True)]
