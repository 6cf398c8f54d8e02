"""Figures by month, and what a month was to the model: learned from, or new to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from loyalty_core.analytics.outcomes.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


F_co = TypeVar("F_co", bound=Figures, covariant=True)

Role = Literal["before", "learned", "validation", "test", "after", "mixed"]


@dataclass(frozen=True)
class Month(Generic[F_co]):
    """The predictions of a calendar month, given by its first day; `role` is None where they were stored."""

    month: date
    version: str
    figures: F_co
    role: Role | None = None


@dataclass(frozen=True)
class MonthlyFigures(Generic[F_co]):
    """Months, oldest first, or in a sentence why there are none; `remark` says what else a reader should know."""

    months: tuple[Month[F_co], ...] = ()
    why_none: str = ""
    remark: str = ""


def one_per_month(months: Iterable[Month[F_co]], version: str) -> list[Month[F_co]]:
    """The months of that version, and where it gave no answers, those of the one that gave the most."""
    ranked = sorted(months, key=lambda one: (one.month, one.version == version, one.figures.rows))
    return list({one.month: one for one in ranked}.values())


def role_of(first: date, last: date, window: Mapping[str, Any]) -> Role:
    """What rows of these days were to a model with this window in its manifest: the most flattering of it.

    "mixed" where training, validation and test rows were drawn at random.
    """
    oldest, validation, test, newest = (_day(window, key) for key in ("first", "validation_from", "test_from", "last"))
    # The further back a day of the window, the more it flatters.
    day = oldest if oldest is not None and first < oldest <= last else first
    if newest is None or day > newest:
        return "after"
    if oldest is not None and day < oldest:
        return "before"
    if validation is None or test is None:
        return "mixed"
    return "learned" if day < validation else "validation" if day < test else "test"


def shown(day: date) -> str:
    """The day as sentences name it: 1 Nov 2026."""
    return f"{day.day} {day:%b %Y}"


def _day(window: Mapping[str, Any], key: str) -> date | None:
    return date.fromisoformat(window[key]) if window.get(key) else None
