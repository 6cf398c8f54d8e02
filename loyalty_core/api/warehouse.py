"""Columns and customers of the warehouse."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonList, JsonObject
from loyalty_core.services import get_services

router = APIRouter(dependencies=[allowed(Action.VIEW)])


@router.get("/dwh/columns/")
def read_columns(source: Annotated[str | None, Query(max_length=255)] = None) -> JsonObject | JsonList:
    """All columns of the features view: name, kind, group, label, blanks, range or top values.

    `out_of_range` counts the dates that read as blank, since the years are before 1 or after 9999. With `source`, which
    can only be the features view, the answer is a list of `name`, `type` and `category`.
    """
    if source is not None:
        return _column_list(source)
    catalog = get_services().warehouse.catalog()
    columns = [vars(column) for column in catalog.columns]
    return {"customers": catalog.customers, "columns": columns, "unreadable": catalog.unreadable}


SearchText = Annotated[str, Field(min_length=1, max_length=255)]
SearchLimit = Annotated[int, Field(ge=1, le=100)]


class SearchBody(BaseModel):
    """What to search customers for."""

    model_config = ConfigDict(extra="forbid")

    q: SearchText
    limit: SearchLimit = 20


@router.get("/dwh/customers/")
def search_customers(q: Annotated[SearchText, Query()], limit: Annotated[SearchLimit, Query()] = 20) -> JsonObject:
    """Search customers by the start of their id, or by words of their name or e-mail; best matches first.

    `total` is the number of all matches, including those beyond `limit`. An address may be logged on the way here: a
    search for personal data belongs in the body of a POST to `search/`.
    """
    features = get_services().features
    return {"total": features.count_found(q), "customers": features.search(q, limit)}


@router.post("/dwh/customers/search/")
def search_customers_by_body(body: SearchBody) -> JsonObject:
    """The same search with `q` and `limit` in the body, where no log of addresses has them."""
    return search_customers(body.q, body.limit)


@router.get("/dwh/customers/{customer_id:path}/", operation_id="read_warehouse_customer")
def read_customer(customer_id: str) -> JsonObject:
    """One customer's features; the id may contain slashes."""
    return get_services().features.get(customer_id)


def _column_list(source: str) -> list[dict[str, Any]]:
    services = get_services()
    view = services.settings.dwh_customer_features_table
    if source not in {"", "dwh", "features", view}:
        raise HTTPException(422, f"source: The columns are those of {view}; send “features”, or leave source out.")
    columns = services.warehouse.columns()
    return [{"name": column.name, "type": column.kind, "category": column.group} for column in columns]
