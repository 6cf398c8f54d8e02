"""Examples of the OpenAPI description, by the name of the operation.

A test sends the requests in this order and checks the answers.
"""

from loyalty_core.api.examples import (
    audit,
    campaigns,
    customers,
    events,
    figures,
    health,
    jobs,
    messages,
    models,
    policies,
    predictions,
    rfm_map,
    segments,
)
from loyalty_core.api.examples.example import ACTIVE_VERSION, VERSION, Example

__all__ = ["ACTIVE_VERSION", "EXAMPLES", "VERSION", "Example"]

_PARTS = (
    predictions,
    health,
    customers,
    events,
    segments,
    figures,
    campaigns,
    messages,
    policies,
    rfm_map,
    jobs,
    models,
    audit,
)
EXAMPLES: dict[str, Example] = {name: example for part in _PARTS for name, example in part.EXAMPLES.items()}
