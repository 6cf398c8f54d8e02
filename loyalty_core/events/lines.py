"""Reads events from a file with one JSON object a line (JSONL)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from loyalty_core.errors import DataError
from loyalty_core.events.errors import BadEvent
from loyalty_core.events.forms import Arrival, read_text
from loyalty_core.events.intake import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo
    from pathlib import Path

    from loyalty_core.events.event import Event
    from loyalty_core.events.intake import Intake

_LINES_AT_ONCE = 1_000


@dataclass(frozen=True)
class FileResult:
    """How many events of a file are new, were accepted before, and became dead letters."""

    accepted: int
    duplicates: int
    unreadable: int


def accept_file(intake: Intake, file: Path, source: str, zone: tzinfo) -> FileResult:
    """Accept the events of a file, which may be read again: nothing is stored twice. Blank lines are left out.

    Raises `DataError` where the file cannot be read, and `StateStoreUnavailable`; what was accepted by then stays.
    """
    accepted = duplicates = unreadable = 0
    try:
        with file.open("rb") as lines:
            numbered = enumerate(lines, start=1)
            while chunk := list(islice(numbered, _LINES_AT_ONCE)):
                events, letters = _read(chunk, file.name, source, zone)
                result = intake.accept(events, letters)
                accepted += len(result.accepted)
                duplicates += result.duplicates
                unreadable += len(letters)
    except OSError as error:
        raise DataError(f"{file} cannot be read.", f"{error.strerror}.") from None
    return FileResult(accepted, duplicates, unreadable)


def _read(
    lines: Iterable[tuple[int, bytes]], name: str, source: str, zone: tzinfo
) -> tuple[list[Event], list[Unreadable]]:
    events: list[Event] = []
    unreadable: list[Unreadable] = []
    for number, line in _not_blank(lines):
        # The digest distinguishes a line from one at the same place of another file with that name.
        position = f"{name}:{number} {hashlib.sha256(line).hexdigest()[:16]}"
        arrival = Arrival(source, datetime.now(UTC), position, zone=zone)
        try:
            events.append(read_text(line, arrival))
        except BadEvent as error:
            unreadable.append(Unreadable(source, position, line.decode("utf-8", "replace"), error))
    return events, unreadable


def _not_blank(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    return ((number, line.strip()) for number, line in lines if line.strip())
