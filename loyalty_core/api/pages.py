"""Lists by page number, as Django REST framework answers them: `{count, next, previous, results}`."""

import math
from typing import Annotated, Generic, TypeVar

from fastapi import Query, Request
from starlette.exceptions import HTTPException
from typing_extensions import TypedDict

MAX_PER_PAGE = 1_000

PageNumber = Annotated[int | None, Query(ge=1, le=2**31)]
PageSize = Annotated[int, Query(ge=1, le=MAX_PER_PAGE)]


Row = TypeVar("Row")


class Page(TypedDict, Generic[Row]):
    """One page of a list with `count` rows in all; `next` and `previous` are addresses, null where there is none."""

    count: int
    next: str | None
    previous: str | None
    results: list[Row]


def page_of(request: Request, page: int, size: int, count: int, results: list[Row]) -> Page[Row]:
    """The answer for page `page` of a list; raises 404 where there is no such page."""
    last = max(1, math.ceil(count / size))
    if page > last:
        raise HTTPException(404, f"There is no page {page}; the last one is {last}.")
    return {
        "count": count,
        "next": str(request.url.include_query_params(page=page + 1)) if page < last else None,
        "previous": str(request.url.include_query_params(page=page - 1)) if page > 1 else None,
        "results": results,
    }


def sliced(request: Request, page: int, size: int, rows: list[Row]) -> Page[Row]:
    """`page_of` for a list that is there as a whole."""
    return page_of(request, page, size, len(rows), rows[(page - 1) * size : page * size])
