"""When to retrain: monthly, after major changes, when performance degrades, when features drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from loyalty_core.ml.bundles import TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

When = Literal["fix first", "now", "soon", "not yet"]
Kind = Literal["broken input", "other data", "change", "degradation", "drift", "age"]

MONTH_DAYS = 31
_TRAIN = f"Train on the Training screen, or with {TRAIN}"


class _Words(NamedTuple):
    opening: str
    remedy: str


# The most urgent first.
_WORDS: dict[When, _Words] = {
    "fix first": _Words("Fix the features view first", "Check how the warehouse fills it: retraining would not help."),
    "now": _Words("Retrain now", _TRAIN),
    "soon": _Words("Retrain soon", _TRAIN),
    "not yet": _Words("No need to retrain yet", ""),
}


@dataclass(frozen=True)
class Degradation:
    """A finding that predictions have become less accurate since training, as a clause."""

    clause: str


@dataclass(frozen=True)
class ModelAge:
    """A model of the active version: days since its training, and rows added to its history since then.

    `new_rows` is None where the history cannot be counted.
    """

    title: str
    days: int
    new_rows: int | None


@dataclass(frozen=True)
class Facts:
    """What a recommendation is based on.

    `changes` are clauses about the mapping and mapped columns, `drifted` and `moved` the labels of features. `broken`
    are the labels of features that now have one value, or none, for all customers, `not_learned` of those that differ
    from the rows that the models learned from, but have not drifted since. `trained_on` names the training data
    if it is not the current data. `drift_known` is false if nothing could be compared.
    """

    ages: tuple[ModelAge, ...]
    changes: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    not_learned: tuple[str, ...] = ()
    drift_known: bool = True
    trained_on: str = ""


@dataclass(frozen=True)
class Reason:
    """One reason, as a clause, and the recommendation that it alone leads to."""

    when: When
    kind: Kind
    clause: str


@dataclass(frozen=True)
class Retraining:
    """The recommendation and all reasons, the most urgent first."""

    when: When
    reasons: tuple[Reason, ...]

    @property
    def sentence(self) -> str:
        """The recommendation with the reasons that led to it."""
        clauses = [reason.clause for reason in self.reasons if reason.when == self.when]
        return f"{_WORDS[self.when].opening}: {_enumerated(clauses)}."

    @property
    def remedy(self) -> str:
        """What to do; empty if there is nothing to do yet."""
        return _WORDS[self.when].remedy

    @property
    def others(self) -> tuple[Reason, ...]:
        """The reasons that are not in the sentence."""
        return tuple(reason for reason in self.reasons if reason.when != self.when)


def recommend(facts: Facts, *degradations: Degradation) -> Retraining:
    """Whether to retrain; the most urgent reason decides."""
    reasons = (*_urgent(facts, degradations), *_drift(facts), *_ages(facts.ages))
    order = list(_WORDS)
    # Sorting is stable: reasons of the same urgency stay in order of weight.
    ranked = sorted(reasons, key=lambda reason: order.index(reason.when))
    return Retraining(ranked[0].when, tuple(ranked))


def _urgent(facts: Facts, degradations: Sequence[Degradation]) -> Iterator[Reason]:
    if facts.broken:
        have = "has" if len(facts.broken) == 1 else "have"
        clause = f"{_enumerated(facts.broken)} {have} become blank or the same for every customer"
        yield Reason("fix first", "broken input", clause)
    if facts.trained_on:
        yield Reason("now", "other data", f"the models were trained on other data ({facts.trained_on})")
    for change in facts.changes:
        yield Reason("now", "change", change)
    for degradation in degradations:
        yield Reason("now", "degradation", degradation.clause)


def _drift(facts: Facts) -> Iterator[Reason]:
    if facts.drifted:
        have = "has" if len(facts.drifted) == 1 else "have"
        yield Reason("now", "drift", f"{_enumerated(facts.drifted)} {have} drifted since the training")
    if facts.moved:
        have = "has" if len(facts.moved) == 1 else "have"
        yield Reason("soon", "drift", f"{_enumerated(facts.moved)} {have} moved since the training")
    if facts.not_learned:
        yield _not_learned(facts)
    if not facts.drift_known:
        yield Reason("not yet", "drift", "whether features have drifted is not known")
    elif not (facts.drifted or facts.moved or facts.broken or facts.not_learned):
        yield Reason("not yet", "drift", "no feature has moved since the training")


def _not_learned(facts: Facts) -> Reason:
    """Training again on the same rows teaches the models nothing about the base as it is."""
    differ = "differs" if len(facts.not_learned) == 1 else "differ"
    clause = f"{_enumerated(facts.not_learned)} {differ} from the rows that the models learned from"
    if any(one.new_rows for one in facts.ages):
        return Reason("now", "drift", f"{clause}, and there are newer rows")
    return Reason("fix first", "drift", f"{clause}, and there are no newer rows to learn from")


def _ages(ages: tuple[ModelAge, ...]) -> Iterator[Reason]:
    if len(ages) > 1 and len({(one.days, one.new_rows) for one in ages}) == 1:
        yield _age("the models", "were", "are", ages[0])
    else:
        for one in ages:
            yield _age(f"the {one.title.lower()} model", "was", "is", one)


def _age(subject: str, was: str, is_: str, age: ModelAge) -> Reason:
    """Retraining is due after a month and overdue after two; without new rows it would learn nothing new."""
    days = "day" if age.days == 1 else "days"
    old = f"{subject} {is_} {age.days:,} {days} old" if age.days else f"{subject} {was} trained today"
    if age.days > MONTH_DAYS and age.new_rows == 0:
        return Reason("not yet", "age", f"{old}, but there are no newer rows to train on: load them first")
    rows = "row" if age.new_rows == 1 else "rows"
    gained = f", with {age.new_rows:,} new labelled {rows} since" if age.new_rows else ""
    when: When = "now" if age.days > 2 * MONTH_DAYS else "soon" if age.days > MONTH_DAYS else "not yet"
    return Reason(when, "age", old + gained)


def _enumerated(clauses: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"; with semicolons if a clause contains a comma."""
    *most, last = clauses
    comma = "; " if any("," in clause for clause in clauses) else ", "
    return f"{comma.join(most)} and {last}" if most else last
