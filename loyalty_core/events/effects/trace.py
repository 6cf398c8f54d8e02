"""What one event caused, step by step."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loyalty_core.store.dialects import WrittenJson

if TYPE_CHECKING:
    from datetime import datetime

_LONGEST_TEXT = 300


@dataclass(slots=True)
class Step:
    """One step: what went in, what came out, and how long it took for all customers of the batch together.

    Input and output are JSON values; `as_json` makes such of what comes from a warehouse or an event. The state store
    holds the fields under their names.
    """

    name: str
    milliseconds: float
    input: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def as_json(self) -> Any:
        """The step as the state store holds it: `Step(**stored)` fills in what is empty and left out."""
        written: dict[str, Any] = {"name": self.name, "milliseconds": self.milliseconds}
        if self.input:
            written["input"] = self.input
        if self.output:
            written["output"] = self.output
        if self.note:
            written["note"] = self.note
        return written


class SharedStep(Step):
    """A step that many traces of a batch have in common, so that it is written as JSON once."""

    __slots__ = ("_written",)

    def as_json(self) -> Any:
        """The step as the state store holds it."""
        try:
            return self._written
        except AttributeError:
            self._written = WrittenJson.of(Step.as_json(self))
            return self._written


@dataclass(frozen=True, slots=True)
class Scores:
    """The churn probability before and after; `before` is None where none is known, `after` where none was made."""

    before: float | None
    after: float | None
    model_version: str = ""

    def as_json(self) -> dict[str, Any]:
        """The scores as the state store holds them."""
        return {"before": self.before, "after": self.after, "model_version": self.model_version}


@dataclass(frozen=True)
class Trace:
    """The steps of one event, and the outcome in one sentence. `segments_joined` and `_left` are ids.

    `event` is the row of the event, None for a dry run of an event that is not stored.
    """

    event: int | None
    customer_id: str
    at: datetime
    steps: tuple[Step, ...]
    outcome: str
    segments_joined: tuple[str, ...] = ()
    segments_left: tuple[str, ...] = ()
    campaign_ids: tuple[str, ...] = ()
    scores: Scores | None = None

    @property
    def milliseconds(self) -> float:
        """The time of all steps."""
        return sum([step.milliseconds for step in self.steps])  # twice as fast as a generator, for each event


class Stopwatch:
    """Measures how long one step after another takes."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Milliseconds since the last call, or since the beginning, to the microsecond."""
        before, self._last = self._last, time.perf_counter()
        return round((self._last - before) * 1000, 3)


def as_json(value: Any) -> Any:
    """The value as JSON can hold it: dates and times as ISO texts, decimals as numbers, anything else as short text."""
    kind = type(value)
    if kind is str and len(value) <= _LONGEST_TEXT:
        return value
    if value is None or kind is bool or kind is int:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is dict:
        return {str(name): as_json(one) for name, one in value.items()}
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Decimal):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, Mapping):
        return {str(name): as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(one) for one in value]
    text = value.isoformat() if isinstance(value, date) else str(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
