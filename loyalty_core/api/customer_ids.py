"""Customer ids in request bodies."""

from typing import Annotated

from pydantic import BeforeValidator, Field

MAX_CUSTOMERS = 10_000


def _as_text(customer_id: object) -> object:
    is_number = isinstance(customer_id, int) and not isinstance(customer_id, bool)
    return str(customer_id) if is_number else customer_id


_Text = Annotated[str, Field(min_length=1, max_length=255)]
# A number is read as an id with those digits.
CustomerId = Annotated[_Text, BeforeValidator(_as_text, json_schema_input_type=_Text | int)]
CustomerIds = Annotated[list[CustomerId], Field(min_length=1, max_length=MAX_CUSTOMERS)]
