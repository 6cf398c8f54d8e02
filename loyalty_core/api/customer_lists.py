"""Customers in the order of their ids, page after page."""

from typing import Annotated, Any

from fastapi import Query

from loyalty_core.api.cursors import BadCursor, decode_cursor, encode_cursor
from loyalty_core.segments import Selection
from loyalty_core.services import get_services
from loyalty_core.warehouse.customers import read_id

Cursor = Annotated[str | None, Query(max_length=1_000)]


def customers_after(
    selection: Selection, of: str, cursor: str | None, limit: int, *, name: str = "members"
) -> dict[str, Any]:
    """The next customers of a selection after the cursor of the list called `of`, under `name`, and `next_cursor`.

    Customers are neither skipped nor repeated where others are added or removed meanwhile.
    """
    warehouse = get_services().warehouse
    after = read_id(decode_cursor(of, cursor), warehouse.customer_id.type) if cursor else None
    if cursor and after is None:
        raise BadCursor
    rows = selection.members(limit, after=after)
    identifier = warehouse.settings.dwh_customer_id_column
    # A full page may be the last one; then the page after it is empty.
    more = encode_cursor(of, rows[-1][identifier]) if len(rows) == limit else None
    return {name: rows, "next_cursor": more}
