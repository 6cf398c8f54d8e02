"""Conversion of warehouse values to JSON."""

import base64
import math
from decimal import Decimal
from typing import Annotated, Any

from pydantic import PlainSerializer


def as_json(value: Any) -> Any:
    """Decimals become numbers, infinities null, bytes Base64; Pydantic turns dates and UUIDs into text."""
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
        case _:
            return value


JsonObject = Annotated[dict[str, Any], PlainSerializer(as_json)]
