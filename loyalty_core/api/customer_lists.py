"""Customers in the order of their ids, page after page."""

from typing import Annotated, Any

from fastapi import Query

from loyalty_core.api.cursors import decode_cursor, encode_cursor
from loyalty_core.segments import Selection
from loyalty_core.services import get_services

Cursor = Annotated[str | None, Query(max_length=1_000)]


def customers_after(
    selection: Selection, of: str, cursor: str | None, limit: int, *, name: str = "members"
) -> dict[str, Any]:
    """The next customers of a selection after the cursor of the list called `of`, under `name`, and `next_cursor`.

    Customers are neither skipped nor repeated where others are added or removed meanwhile.
    """
    after = decode_cursor(of, cursor) if cursor else None
    rows = selection.members(limit, after=after)
    identifier = get_services().settings.dwh_customer_id_column
    # A full page may be the last one; then the page after it is empty.
    more = encode_cursor(of, rows[-1][identifier]) if len(rows) == limit else None
    return {name: rows, "next_cursor": more}
