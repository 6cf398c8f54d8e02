"""A rule as text: parsed with named errors, and the line of each path of the rule."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from loyalty_core.rules import Fault, RuleError
from loyalty_core.rules.errors import shown

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
_STEP = re.compile(r"[.\[]")


def read_rule(text: str) -> Any:
    """The rule that a text spells; {} for a blank text. Raises `RuleError` with line and column if it is not JSON."""
    if not text.strip():
        return {}
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        sentence = f"The text is not JSON at line {error.lineno}, column {error.colno}: {_in_words(error.msg)}."
        fault = Fault("bad_json", "$", sentence, "Correct it there, or just before.")
    except _Repeated as error:
        sentence = f"An object has the key {shown(str(error))} more than once; only the last would count."
        fault = Fault("repeated_key", "$", sentence, "Put both into one list.")
    except ValueError:
        fault = Fault("number_too_large", "$", "The text has a number of thousands of digits.", "Write a shorter one.")
    except RecursionError:
        fault = Fault("too_deep", "$", "The text is nested too deep to read.", "Join conditions side by side.")
    raise RuleError([fault])


def lines_of(text: str, paths: Iterable[str]) -> dict[str, int]:
    """The line, from 1, of each path in the rule, or of the nearest enclosing path that the text has.

    The text need not be valid JSON.
    """
    ways = {path: list(_way_to(path)) for path in paths}
    wanted = {place for way in ways.values() for place in way}
    offsets: dict[str, int] = {}
    for place, offset in _places(text, wanted):
        offsets.setdefault(place, offset)
    found = {
        path: next((offsets[place] for place in reversed(way) if place in offsets), 0) for path, way in ways.items()
    }
    return {path: text.count("\n", 0, offset) + 1 for path, offset in found.items()}


class _Repeated(Exception):
    """The key that an object has twice."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise _Repeated(name)
        read[name] = value
    return read


def _in_words(message: str) -> str:
    return message[:1].lower() + message[1:].replace("delimiter", "sign")


def _way_to(path: str) -> Iterator[str]:
    """$, $.and, $.and[1] and $.and[1].> for the last of them."""
    for step in _STEP.finditer(path, 1):
        yield path[: step.start()]
    yield path


@dataclass(slots=True)
class _Level:
    """An object or a list being read; `place` is None when nothing wanted is inside."""

    place: str | None
    is_list: bool
    member: int = 0
    awaits_key: bool = True


def _places(text: str, wanted: set[str]) -> Iterator[tuple[str, int]]:
    """Where the wanted places start, a member of an object at its key; a stack of our own, so any depth will do."""
    levels: list[_Level] = []
    place: str | None = "$"
    for token in _TOKEN.finditer(text):
        sign = token[0]
        level = levels[-1] if levels else None
        if sign == ",":
            if level:
                level.member += 1
                level.awaits_key = True
        elif sign in "}]":
            if level:
                levels.pop()
        elif sign != ":":
            if level and (level.is_list or level.awaits_key):
                place = _place_in(level, sign, wanted)
            if place is not None:
                yield place, token.start()
            if level and not level.is_list and level.awaits_key:
                level.awaits_key = False
            elif sign in "{[":
                levels.append(_Level(place, sign == "["))


def _place_in(level: _Level, sign: str, wanted: set[str]) -> str | None:
    """The place of a list's next member, or of an object's member with this key; None when it is not wanted."""
    if level.place is None:
        return None
    if level.is_list:
        names = [f"[{level.member}]"]
    else:
        key = _text_of(sign)
        names = [f".{key}", f"[{shown(key)}]"]
    return next((level.place + name for name in names if level.place + name in wanted), None)


def _text_of(sign: str) -> str:
    try:
        return str(json.loads(sign, strict=False))
    except ValueError:
        return sign
