"""Figures by month, and the role of each month in the training of the model."""

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
    """The predictions of a calendar month, given by its first day; `role` is None for stored predictions."""

    month: date
    version: str
    figures: F_co
    role: Role | None = None


@dataclass(frozen=True)
class MonthlyFigures(Generic[F_co]):
    """Months, oldest first; without any, `why_none` says why. `remark` is a note for the reader."""

    months: tuple[Month[F_co], ...] = ()
    why_none: str = ""
    remark: str = ""


def one_per_month(months: Iterable[Month[F_co]], version: str) -> list[Month[F_co]]:
    """One entry per month: that of the given version if there is one, otherwise the one with the most rows."""
    ranked = sorted(months, key=lambda one: (one.month, one.version == version, one.figures.rows))
    return list({one.month: one for one in ranked}.values())


def role_of(first: date, last: date, window: Mapping[str, Any]) -> Role:
    """The role of rows of these days for a model with this training window; the most optimistic role they include.

    "mixed" if training, validation and test rows were drawn at random.
    """
    oldest, validation, test, newest = (_day(window, key) for key in ("first", "validation_from", "test_from", "last"))
    # The earlier a day within the window, the more optimistic its figures.
    day = oldest if oldest is not None and first < oldest <= last else first
    if newest is None or day > newest:
        return "after"
    if oldest is not None and day < oldest:
        return "before"
    if validation is None or test is None:
        return "mixed"
    return "learned" if day < validation else "validation" if day < test else "test"


def format_day(day: date) -> str:
    """The day in sentences: 1 Nov 2026."""
    return f"{day.day} {day:%b %Y}"


def _day(window: Mapping[str, Any], key: str) -> date | None:
    return date.fromisoformat(window[key]) if window.get(key) else None
