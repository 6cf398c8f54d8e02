"""A compiled rule and its readings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any

from loyalty_core.rules.binding import Binder
from loyalty_core.rules.describe import describe
from loyalty_core.rules.errors import FaultList, RuleError, TooLarge
from loyalty_core.rules.evaluate import Features, Matcher, compile_condition
from loyalty_core.rules.explain import Explainer, Explanation
from loyalty_core.rules.parse import as_json, is_empty, parse
from loyalty_core.rules.sql import to_predicate
from loyalty_core.rules.tree import Always, Condition, RuleColumn, fields_of

if TYPE_CHECKING:
    import sqlalchemy as sa

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Rule:
    """A rule bound to columns: one tree, read as a row test, as SQL, as an explanation and as a sentence.

    `today` is the day, in `zone`, that its relative dates were counted from; compile again on another day.
    """

    condition: Condition
    today: date
    zone: tzinfo
    _source: Any

    @cached_property
    def matches(self) -> Matcher:
        """`rule.matches(features)`: whether a customer with these features (column name → value) belongs."""
        return compile_condition(self.condition)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the rule reads, each once, in reading order."""
        return tuple(dict.fromkeys(field.name for field in fields_of(self.condition)))

    def to_sql(self, table: sa.FromClause, *, where: bool = False) -> sa.ColumnElement[bool]:
        """The rule as a predicate on `table`, true or false for every row and never NULL; values are bound.

        With `where` it may be NULL in place of false: a little faster, and right wherever it is asked only which
        rows it holds for (WHERE, FILTER, CASE WHEN), never under NOT.
        """
        return to_predicate(self.condition, table, where=where)

    def explain(self, features: Features) -> Explanation:
        """Why a customer belongs or not: each condition with the actual values, and what would change the outcome."""
        return self._explainer.explain(features)

    def describe(self) -> str:
        """The rule as an English sentence."""
        return describe(self.condition)

    def to_json(self) -> Any:
        """The rule as it was given, as JSONLogic; {} for everyone."""
        return deepcopy(self._source)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.condition, self.matches)


def compile_rule(
    rule: Any, columns: Iterable[RuleColumn], *, today: date | Clock | None = None, zone: tzinfo = UTC
) -> Rule:
    """Check a JSONLogic rule against the columns and make it ready to use; an empty or null rule is everyone.

    `today` is a date, or a clock whose time is turned to `zone`; by default the present day in `zone`.
    Raises `RuleError` with every fault of the rule.
    """
    day = _day(today, zone)
    if is_empty(rule):
        return Rule(Always(True), day, zone, {})
    faults = FaultList()
    condition: Condition = Always(False)
    try:
        binder = Binder(columns, faults, day, zone)
        condition = binder.rule(parse(rule, faults))
    except TooLarge:
        pass
    if faults.found:
        raise RuleError(faults.found)
    return Rule(condition, day, zone, as_json(rule))


def _day(today: date | Clock | None, zone: tzinfo) -> date:
    if isinstance(today, datetime):
        return today.astimezone(zone).date()
    if isinstance(today, date):
        return today
    return (today() if today else datetime.now(UTC)).astimezone(zone).date()
