"""What can be wrong with a rule: every fault with its location and remedy, all of them in one error."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loyalty_core.errors import LoyaltyError

_SHOWN_CHARACTERS = 60
_SHOWN_FAULTS = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a rule.

    `code` is a stable word for programs, `path` the location as a JSON path (`$.and[1].>`).
    """

    code: str
    path: str
    sentence: str
    remedy: str = ""


class RuleError(LoyaltyError):
    """The rule cannot be used; `faults` has everything that is wrong with it."""

    code = "bad_rule"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        if len(self.faults) == 1:
            super().__init__(first.sentence, f"It is at {first.path}.", first.remedy)
            return
        shown = [f"{fault.path}: {fault.sentence}" for fault in self.faults[:_SHOWN_FAULTS]]
        more = len(self.faults) - len(shown)
        shown += [f"And {more} more."] if more else []
        super().__init__(f"The rule has {len(self.faults)} faults.", " ".join(shown), first.remedy)


class TooLarge(Exception):
    """Reading stopped at a limit; the fault that names it has been recorded."""


class FaultList:
    """The faults found so far; a rule with a hundred is not read to its end."""

    _MAX_ERRORS = 100

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, code: str, path: str, sentence: str, remedy: str = "") -> None:
        """Record a fault and continue."""
        self.found.append(Fault(code, path, sentence, remedy))
        if len(self.found) >= self._MAX_ERRORS:
            raise TooLarge

    def stop(self, code: str, path: str, sentence: str, remedy: str = "") -> TooLarge:
        """Record a fault after which nothing more can be read; raise the result."""
        self.found.append(Fault(code, path, sentence, remedy))
        return TooLarge()


def capitalized(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def shown(value: Any) -> str:
    """A value as a message shows it: JSON, cut short."""
    if isinstance(value, int) and abs(value) >= 10**_SHOWN_CHARACTERS:
        return "a number of more than 60 digits"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
