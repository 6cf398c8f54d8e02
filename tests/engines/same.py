"""Whether two databases gave the same answer: sums of doubles may differ in the last digits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

# Times differ in when they were asked, or in the zone they are shown in; estimates differ between databases.
_NOT_COMPARED = frozenset({"as_of", "read_at", "view", "run", "before", "scored_at", "different"})


def differences(one: Any, other: Any, where: str = "$") -> list[str]:
    """Where two answers differ, in words; empty where they are the same."""
    if isinstance(one, sa.ClauseElement) or isinstance(other, sa.ClauseElement):
        return []
    if is_dataclass(one) and type(one) is type(other):
        names = [field.name for field in fields(one) if field.name not in _NOT_COMPARED]
        return _all(differences(getattr(one, name), getattr(other, name), f"{where}.{name}") for name in names)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if one.keys() != other.keys():
            return [f"{where}: the keys {sorted(map(str, one.keys() ^ other.keys()))} are in one only"]
        return _all(differences(one[key], other[key], f"{where}[{key!r}]") for key in one if key not in _NOT_COMPARED)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            return [f"{where}: {len(one)} against {len(other)}"]
        return _all(
            (differences(a, b, f"{where}[{place}]") for place, (a, b) in enumerate(zip(one, other, strict=True)))
        )
    return [] if _is_same(one, other) else [f"{where}: {one!r} against {other!r}"]


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one.replace(tzinfo=None) == other.replace(tzinfo=None)
    try:
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    except TypeError:
        return one == other


def _all(found: Any) -> list[str]:
    return [difference for part in found for difference in part]
