"""What an example is, and what several of them share."""

from collections.abc import Mapping
from typing import Any, NamedTuple

CUSTOMER = "123e4567-e89b-12d3-a456-426614174000"
ACTIVE_VERSION = "20261122T140000Z-1a2b"
VERSION = "20261123T090000Z-3c4d"
NOW = "2026-11-24T08:00:00Z"
ONE, MANY = {"customer_id": CUSTOMER}, {"customer_ids": [CUSTOMER]}


class Example(NamedTuple):
    """One request, by its parameters and body, and its answer; None where there is no body or no content."""

    response: Any = None
    request: Any = None
    parameters: Mapping[str, Any] = {}
