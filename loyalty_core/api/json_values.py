"""Whatever a warehouse holds, as JSON."""

import base64
import math
from decimal import Decimal
from typing import Annotated, Any

from pydantic import PlainSerializer


def as_json(value: Any) -> Any:
    """Decimals as numbers, infinities as null, bytes in Base64; dates and UUIDs become text by themselves."""
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
