"""Constants of a rule read as the kind of the column they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from loyalty_core.rules.errors import shown
from loyalty_core.rules.json_values import to_number
from loyalty_core.rules.tree import Field, Kind, Period, Scalar

_INSTANT = timedelta(microseconds=1)
# Beyond it no database has whole numbers: they are doubles.
_LARGEST_INTEGER = 2**128
_WORDS: dict[Kind, str] = {
    "number": "a number",
    "text": "a text",
    "boolean": "true or false",
    "date": "a date",
    "datetime": "a date",
}


class Unreadable(Exception):
    """The value cannot be read as the kind; the text is the remedy."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day, or a moment when `time` is there (UTC without a zone); `wording` is how the rule writes it."""

    day: date
    wording: str
    time: datetime | None = None
    # The day as it is written, where the time is midnight by its own offset: many programs write a day in this form.
    written: date | None = None


def read_constant(value: Any, kind: Kind) -> bool | int | float | str:
    """The value as a column of that kind would hold it; raises `Unreadable`."""
    read: bool | int | float | str | None = None
    match kind:
        case "number" if not isinstance(value, bool):
            read = to_number(value)
            if isinstance(read, int) and abs(read) >= _LARGEST_INTEGER:
                read = float(read)
        case "text" if isinstance(value, str):
            read = value
        case "boolean":
            read = _read_boolean(value)
        case _:
            pass
    if read is None:
        raise Unreadable(f"Write {_WORDS.get(kind, 'another value')} in place of {shown(value)}.")
    return read


def read_day(value: Any, zone: tzinfo) -> Day:
    """An ISO date, or a date and time (in `zone` where it has none of its own); raises `Unreadable`."""
    try:
        if isinstance(value, str) and 8 <= len(value) <= 40:
            text = value.strip()
            if len(text) == 10:
                return Day(date.fromisoformat(text), text)
            moment = datetime.fromisoformat(text)
            if len(text) > 10:
                local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
                written = moment.date() if moment.tzinfo and moment.time() == time.min else None
                return Day(local.astimezone(zone).date(), text, _in_utc(local), written)
    except (ValueError, OverflowError):
        pass
    raise Unreadable(f"Write a date such as 2026-01-31 in place of {shown(value)}.")


def compare_day(field: Field, operator: str, day: Day, zone: tzinfo, path: str, relative: str = "") -> Period:
    """The period that `field operator day` means; a day against a column of times means all of that day in `zone`.

    `relative` is how the rule counts the day from today, where it does.
    """
    if field.kind == "date" and day.written is not None:
        day = Day(day.written, day.written.isoformat())
    start, end = _bounds(field.kind, day, zone)
    words = {"==": "is on", "<": "is before", "<=": "is on or before", ">": "is after", ">=": "is on or after"}
    if relative:
        words["=="] = "is"  # “is today (2026-03-01)”
    wording = f"{words[operator]} {f'{relative} ({day.wording})' if relative else day.wording}"
    match operator:
        case "==":
            return Period(field, start, end, path, wording)
        case "<":
            return Period(field, None, start, path, wording)
        case "<=":
            return Period(field, None, end, path, wording)
        case ">":
            return Period(field, end, _earliest(field.kind) if end is None else None, path, wording)
        case _:
            return Period(field, start, None, path, wording)


def as_member(value: Any, kind: Kind) -> Scalar | None:
    """A member of a list as the kind, None where it can match nothing of that kind."""
    try:
        return read_constant(value, kind)
    except Unreadable:
        return None


def _earliest(kind: Kind) -> date | datetime:
    return date.min if kind == "date" else datetime.min  # noqa: DTZ901 - times are UTC without a zone


def _bounds(kind: Kind, day: Day, zone: tzinfo) -> tuple[date | datetime, date | datetime | None]:
    """From when to before when the day lasts; no end where it is the last one that a date can be."""
    if kind == "date":
        # A moment within a day lies after that date's beginning and before the next date's.
        if day.time is not None and day.time != _midnight(day.day, zone):
            after = _next(day.day)
            return (after or date.max), (after or date.max)
        return day.day, _next(day.day)
    if day.time is not None:
        return day.time, day.time + _INSTANT if day.time < datetime.max else None  # noqa: DTZ901
    following = _next(day.day)
    return _midnight(day.day, zone), _midnight(following, zone) if following else None


def _next(day: date) -> date | None:
    return day + timedelta(days=1) if day < date.max else None


def _midnight(day: date, zone: tzinfo) -> datetime:
    return _in_utc(datetime(day.year, day.month, day.day, tzinfo=zone))


def _in_utc(moment: datetime) -> datetime:
    """The moment without a zone, in UTC; the nearest that a datetime can hold at both ends of time."""
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return datetime.min if moment.year == 1 else datetime.max  # noqa: DTZ901


def _read_boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(value.strip().lower())
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    return None
