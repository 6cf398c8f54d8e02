"""How a rule reads another segment: by a boolean field named `segment:<id>`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SEGMENT_PREFIX = "segment:"

_READS_NAMES = frozenset({"var", "missing", "missing_some"})


def field_of(segment_id: str) -> str:
    """The field that is true for the members of that segment."""
    return SEGMENT_PREFIX + segment_id


def references(rule: Any) -> tuple[str, ...]:
    """Ids of the segments that a JSONLogic rule reads, each once, in the order of the rule; any JSON will do."""
    found: dict[str, None] = {}
    waiting = [rule]
    # An explicit stack: a rule may be nested deeper than Python can recurse.
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for operator, arguments in part.items():
                if operator in _READS_NAMES:
                    found.update(dict.fromkeys(_segments_among(arguments)))
            waiting.extend(reversed(part.values()))
        elif isinstance(part, list | tuple):
            waiting.extend(reversed(part))
    return tuple(found)


def _segments_among(arguments: Any) -> list[str]:
    """Ids in the names that `var`, `missing` or `missing_some` are given: a name, a list, or a list within a list."""
    names: list[Any] = []
    for argument in arguments if isinstance(arguments, list | tuple) else [arguments]:
        names.extend(argument if isinstance(argument, list | tuple) else [argument])
    return [
        name.removeprefix(SEGMENT_PREFIX) for name in names if isinstance(name, str) and name.startswith(SEGMENT_PREFIX)
    ]


def built_on(segment_id: str, rules: Mapping[str, Any]) -> frozenset[str]:
    """The segment and all whose rules read it, directly or through others."""
    reads = {other: references(rule) for other, rule in rules.items()}
    found, added = {segment_id}, True
    while added:
        more = {other for other, read in reads.items() if found.intersection(read)} - found
        found, added = found | more, bool(more)
    return frozenset(found)
