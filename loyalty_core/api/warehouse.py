"""Columns and customers of the warehouse."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import FastJSONResponse, Features, JsonValue
from loyalty_core.services import get_services
from loyalty_core.warehouse.columns import Kind

router = APIRouter(dependencies=[allowed(Action.VIEW)])


class ColumnAnswer(BaseModel):
    """A column of the features view; `blanks` is the share of customers without a value, null if it is not known.

    `top_values` are pairs of a value and its number of customers, most frequent first. `different` estimates how many
    different texts there are; null where the database makes no such estimates.
    """

    name: str
    kind: Kind
    group: str
    label: str
    description: str
    blanks: float | None
    out_of_range: int
    minimum: JsonValue
    maximum: JsonValue
    top_values: list[tuple[JsonValue, int]]
    is_masked: bool
    different: int | None


class ColumnsAnswer(BaseModel):
    """All columns; `customers` is null while they could not be counted in time."""

    customers: int | None
    columns: list[ColumnAnswer]
    unreadable: list[str]


class ColumnOutline(BaseModel):
    """A column of the features view in short."""

    name: str
    type: Kind
    category: str


class CustomersFound(BaseModel):
    """The best matches with the columns of the features view, and how many match in all."""

    total: int
    customers: list[Features]


@router.get("/dwh/columns/", response_model=ColumnsAnswer | list[ColumnOutline])
def read_columns(source: Annotated[str | None, Query(max_length=255)] = None) -> Response:
    """All columns of the features view: name, kind, group, label, blanks, range or top values.

    `out_of_range` counts the dates that read as blank, since the years are before 1 or after 9999. With `source`, which
    can only be the features view, the answer is a list of `name`, `type` and `category`.
    """
    if source is not None:
        return FastJSONResponse(_column_list(source))
    catalog = get_services().warehouse.catalog()
    found = {"customers": catalog.customers, "columns": catalog.columns, "unreadable": catalog.unreadable}
    return FastJSONResponse(found)


SearchText = Annotated[str, Field(min_length=1, max_length=255)]
SearchLimit = Annotated[int, Field(ge=1, le=100)]


class SearchBody(BaseModel):
    """What to search customers for."""

    model_config = ConfigDict(extra="forbid")

    q: SearchText
    limit: SearchLimit = 20


@router.get("/dwh/customers/", response_model=CustomersFound)
def search_customers(q: Annotated[SearchText, Query()], limit: Annotated[SearchLimit, Query()] = 20) -> Response:
    """Search customers by the start of their id, or by words of their name or e-mail; best matches first.

    `total` is the number of all matches, including those beyond `limit`. An address may be logged on the way here: a
    search for personal data belongs in the body of a POST to `search/`.
    """
    features = get_services().features
    return FastJSONResponse({"total": features.count_found(q), "customers": features.search(q, limit)})


@router.post("/dwh/customers/search/", response_model=CustomersFound)
def search_customers_by_body(body: SearchBody) -> Response:
    """The same search with `q` and `limit` in the body, where no log of addresses has them."""
    return search_customers(body.q, body.limit)


@router.get("/dwh/customers/{customer_id:path}/", operation_id="read_warehouse_customer")
def read_customer(customer_id: str) -> Features:
    """One customer's features; the id may contain slashes."""
    return get_services().features.get(customer_id)


def _column_list(source: str) -> list[dict[str, str]]:
    services = get_services()
    view = services.settings.dwh_customer_features_table
    if source not in {"", "dwh", "features", view}:
        raise HTTPException(422, f"source: The columns are those of {view}; send “features”, or leave source out.")
    columns = services.warehouse.columns()
    return [{"name": column.name, "type": column.kind, "category": column.group} for column in columns]
