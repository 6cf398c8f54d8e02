"""Rules that count days from today."""

from typing import Any


def is_relative(rule: Any) -> bool:
    """Whether a JSONLogic rule counts days from today; any JSON will do."""
    waiting = [rule]
    # An explicit stack: a rule may be nested deeper than Python can recurse.
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "today" in part:
                return True
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
    return False
