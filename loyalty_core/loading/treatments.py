"""Who was contacted in a test, and the outcome, as the history that the uplift model learns from."""

from collections.abc import Sequence

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.blanks import literal
from loyalty_core.loading.churn_label import NO_WORDS, YES_WORDS
from loyalty_core.loading.source_file import listed, quoted

# Somebody with such a value was not contacted; neither was one with a value that begins with "no ".
_CONTROL = ("control", "holdout", "hold-out", "none", "not contacted", "untreated", "placebo", "kontrolle")
_EXAMPLES = 5


def treated_sql(connection: duckdb.DuckDBPyConnection, customers: str, name: str, control: Sequence[str] = ()) -> str:
    """SQL of whether a customer was contacted, as 1, 0 or NULL for blank; `control` are the values of who was not.

    Raises DataError when nobody was contacted, or everybody.
    """
    text = f"lower({quoted(name)}::VARCHAR)"
    if control:
        held_out = f"{text} IN ({_listed([value.strip().lower() for value in control])})"
    else:
        held_out = f"({text} IN ({_listed((*NO_WORDS, *_CONTROL))}) OR starts_with({text}, 'no '))"
    treated = f"CASE WHEN {text} IS NOT NULL THEN (NOT {held_out})::INT END"
    found = connection.execute(
        f"SELECT {quoted(name)}::VARCHAR, any_value({treated}) FROM {customers} GROUP BY 1 ORDER BY 1 NULLS LAST"  # noqa: S608
    ).fetchall()
    if {value for _, value in found if value is not None} != {0, 1}:
        values = [repr(text) for text, value in found if value is not None]
        raise DataError(
            f"Column {name} does not say who was contacted and who was not.",
            f"It holds {listed(values, _EXAMPLES)}.",
            f"Name the value of those who were not, for example --control {values[-1] if values else ''}.",
        )
    return treated


def outcome_sql(name: str) -> str:
    """SQL of whether the outcome was reached: yes, or a number above zero; NULL for blank."""
    text = f"lower({quoted(name)}::VARCHAR)"
    return (
        f"CASE WHEN {text} IN ({_listed(YES_WORDS)}) THEN 1 WHEN {text} IN ({_listed(NO_WORDS)}) THEN 0 "
        f"ELSE (TRY_CAST({text} AS DOUBLE) > 0)::INT END"
    )


def write_treatment_history(
    connection: duckdb.DuckDBPyConnection, customers: str, treated: str, outcome: str, hidden: Sequence[str], day: str
) -> str:
    """Write `customer_treatment_history` from a table of customers; returns a sentence on it.

    `treated` and `outcome` are SQL, `hidden` are columns that the history does not have, `day` is SQL of the day of the
    contact, empty if that is not known.
    """
    others = ", ".join(map(quoted, ("treated_or_not", "outcome_or_not", *hidden)))
    dated = f", {day} AS treated_at" if day else ""
    connection.execute(
        f"""CREATE TABLE customer_treatment_history AS
        SELECT * EXCLUDE ({others}), treated_or_not AS treated, outcome_or_not AS outcome{dated}
        FROM (SELECT *, {treated} AS treated_or_not, {outcome} AS outcome_or_not FROM {customers})
        WHERE treated_or_not IS NOT NULL AND outcome_or_not IS NOT NULL"""  # noqa: S608 (quoted identifiers)
    )
    contacted, converted, others_converted, rows = connection.execute(
        """SELECT count(*) FILTER (treated = 1), avg(outcome) FILTER (treated = 1), avg(outcome) FILTER (treated = 0),
            count(*) FROM customer_treatment_history"""
    ).fetchall()[0]
    return (
        f"Test: {contacted:,} of {rows:,} customers were contacted; the outcome was reached by {converted:.1%} of them "
        f"and by {others_converted:.1%} of the others."
    )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(literal, words))
