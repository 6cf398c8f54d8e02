"""Which columns of a customer file the models should learn from, and why the others are left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import duckdb

from loyalty_core.loading.column_names import is_code, is_frequency, is_recency, revenue_evidence, words_of_name
from loyalty_core.loading.column_profiles import ColumnProfile
from loyalty_core.loading.column_types import TypedColumn
from loyalty_core.loading.label_copies import Leak, determines, label_leak, only_with
from loyalty_core.loading.source_file import listed
from loyalty_core.loading.treatments import outcome_sql

MAX_FEATURES = 100
_DATES = ("DATE", "TIMESTAMP")
_NEARLY_ALL = 0.995  # of the rows with one value: the column is constant but for a few
_MOSTLY = 0.5  # of the rows have a frequent text: below that, a column is of names rather than of categories
_ID_DIGITS = 6  # different whole numbers, all of this many digits or more, are ids
_LABEL_FILLERS = frozenset(("is", "has", "flag", "value", "label", "status", "customer", "target", "y", "n"))


@dataclass(frozen=True)
class LeftOut:
    """A column that the models should not see; `is_certain` is false where only the user can tell."""

    column: str
    reason: str
    is_certain: bool = True


@dataclass(frozen=True)
class Suggestion:
    """`features`: the mapping, feature → column. Features have the names of their columns, or a standard one."""

    features: dict[str, str]
    left_out: Sequence[LeftOut] = field(default=())

    def lines(self) -> list[str]:
        """For the terminal: how many columns the models learn from, and each that they do not, with the reason."""
        certain = [f"{one.column} ({one.reason})" for one in self.left_out if one.is_certain]
        doubtful = [one for one in self.left_out if not one.is_certain]
        columns = "column" if len(self.features) == 1 else "columns"
        lines = [f"The models learn from {len(self.features):,} {columns}: {listed(self.features.values())}."]
        lines += [f"Not from {listed(certain)}."] if certain else []
        lines += [
            f"Not from {one.column}, which you should decide: {one.reason}. If it is "
            f'known before that happens, add it with --feature "{one.column}".'
            for one in doubtful
        ]
        return lines


@dataclass(frozen=True)
class Labels:
    """The labels in the table of customers: names of its columns, and the churn label's name in the file.

    `treated` is SQL of who was contacted, by the column `treatment`.
    """

    churn: str | None = None
    churn_name: str = ""
    offers: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    treatment: str | None = None
    treated: str = ""

    @property
    def answers(self) -> list[tuple[str, str]]:
        """The SQL of each yes-or-no answer that a column may give away, and its name in the file."""
        churn = [(self.churn, self.churn_name)] if self.churn else []
        return [*churn, *([(self.treated, self.treatment)] if self.treatment else [])]


def suggest_features(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    profiles: Sequence[ColumnProfile],
    labels: Labels,
    wanted: Sequence[str] = (),
) -> Suggestion:
    """Suggest a mapping for the columns of `table`; those in `wanted` are taken whatever they look like."""
    chosen: list[TypedColumn] = []
    left_out: list[LeftOut] = []
    for profile in profiles:
        name = profile.column.name
        found = None if name in wanted else _why_not(connection, table, profile, labels)
        if found is not None:
            left_out.append(found)
        elif profile.column.type not in _DATES:  # models read the days since then, which is a column of its own
            chosen.append(profile.column)
    left_out += [LeftOut(column.name, f"only {MAX_FEATURES} are taken") for column in chosen[MAX_FEATURES:]]
    return Suggestion(_named(chosen[:MAX_FEATURES]), left_out)


def _why_not(
    connection: duckdb.DuckDBPyConnection, table: str, profile: ColumnProfile, labels: Labels
) -> LeftOut | None:
    name = profile.column.name
    if reason := _why_useless(profile):
        return LeftOut(name, reason)
    for answer, said in labels.answers:
        if leak := label_leak(connection, table, profile, answer, said):
            return LeftOut(name, leak.reason, leak.is_certain)
    for answer, said in [*labels.answers, *((outcome_sql(outcome), outcome) for outcome in labels.outcomes[:1])]:
        if only_with(connection, table, profile, answer):
            return LeftOut(name, f"it is filled or above zero only where {said} says yes", is_certain=False)
    if labels.churn and (leak := _named_after(name, labels.churn_name)):
        return LeftOut(name, leak.reason, leak.is_certain)
    if original := next((offer for offer in labels.offers if determines(connection, table, profile, offer)), None):
        return LeftOut(name, f"it is a copy of {original}, written in another way")
    if profile.column.type == "VARCHAR" and profile.in_categories < profile.filled * _MOSTLY:
        texts = "codes, most of them rare: for regions, add a column with their first characters"
        kind = texts if is_code(name) else "texts, most of them rare"
        return LeftOut(name, f"{profile.distinct:,} different {kind}")
    return None


def _why_useless(profile: ColumnProfile) -> str:
    if not profile.filled:
        return "it is blank"
    if profile.most_common == profile.rows:
        return "it is the same for everybody"
    if profile.most_common > profile.rows * _NEARLY_ALL:
        return f"it is the same for all but {profile.rows - profile.most_common:,}"
    if profile.is_unique and profile.column.type == "BIGINT":
        if profile.is_sequence:
            return "it numbers the rows"
        if is_code(profile.column.name) or profile.digits >= _ID_DIGITS:
            return "it is an id"
    if profile.is_unique and profile.column.type == "VARCHAR":
        return "it is different for everybody"
    return ""


def _named_after(name: str, label_name: str) -> Leak | None:
    """A column such as `Churn Score` beside the label `Churn`: another model's answer, or noted after the fact."""
    words = words_of_name(label_name) - _LABEL_FILLERS
    if words and words <= words_of_name(name):
        return Leak(f"its name says that it is about {label_name} too", is_certain=False)
    return None


def _named(columns: Sequence[TypedColumn]) -> dict[str, str]:
    """Feature → column; the columns of revenue, recency and frequency get the names by which RFM finds them."""
    numbers = [column for column in columns if column.type in ("BIGINT", "DOUBLE")]
    revenue = _clearest(numbers, lambda column: revenue_evidence(column.name, has_currency=column.has_currency))
    standard = {
        "revenue": revenue,
        "days_since_last": _clearest(numbers, lambda column: int(is_recency(column.name))),
        "transaction_count": _clearest(numbers, lambda column: int(is_frequency(column.name))),
    }
    taken = {column.name for column in columns}
    roles = {name: role for role, name in standard.items() if name and (role not in taken or role == name)}
    return {roles.get(column.name, column.name): column.name for column in columns}


def _clearest(columns: Sequence[TypedColumn], evidence: Callable[[TypedColumn], int]) -> str | None:
    """The name of the one column with the most evidence; None without any, or where several have as much."""
    found = sorted(((evidence(column), column.name) for column in columns), reverse=True)
    if not found or not found[0][0] or (len(found) > 1 and found[0][0] == found[1][0]):
        return None
    return found[0][1]
