"""Conversion of warehouse values to JSON."""

import base64
import json
import math
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi.responses import JSONResponse
from pydantic import PlainSerializer, WithJsonSchema
from pydantic_core import to_jsonable_python


def as_json(value: Any) -> Any:
    """Decimals become numbers, infinities null, bytes Base64, dataclasses objects; Pydantic makes text of dates."""
    match value:
        case Decimal():
            return as_json(float(value))
        case float():
            return value if math.isfinite(value) else None
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case dict():
            return {str(name): as_json(part) for name, part in value.items()}
        case list() | tuple():
            return [as_json(part) for part in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


_ANY_JSON = {
    "anyOf": [
        {"type": "string"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "array", "items": {}},
        {"type": "object", "additionalProperties": True},
        {"type": "null"},
    ],
}
# A value whose type the description cannot know, such as that of a column of the warehouse.
JsonValue = Annotated[Any, PlainSerializer(as_json), WithJsonSchema(_ANY_JSON)]
# The columns of one customer by their names.
Features = dict[str, JsonValue]


def dumps(value: Any, options: int = 0) -> bytes:
    """The same JSON as that of a `JsonValue`, many times faster; dataclasses are objects.

    orjson refuses integers beyond 64 bits and lone surrogates, which the standard library writes.
    """
    try:
        return orjson.dumps(value, _plain, options | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    except orjson.JSONEncodeError:
        return json.dumps(to_jsonable_python(as_json(value)), separators=(",", ":")).encode()


class FastJSONResponse(JSONResponse):
    """For answers that can be large: a route that returns it is answered without validation by Pydantic."""

    def render(self, content: Any) -> bytes:
        return dumps(content)


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return float(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case _:
            return to_jsonable_python(value)
