"""Examples of the OpenAPI description, by the name of the operation.

A test sends the requests in this order and checks the answers.
"""

from loyalty_core.api.examples import customers, events, health, jobs, models, predictions, segments
from loyalty_core.api.examples.example import ACTIVE_VERSION, VERSION, Example

__all__ = ["ACTIVE_VERSION", "EXAMPLES", "VERSION", "Example"]

EXAMPLES: dict[str, Example] = {
    name: example
    for part in (predictions, health, customers, events, segments, jobs, models)
    for name, example in part.EXAMPLES.items()
}
