"""Who left, by a column of a customer file: yes and no in many spellings, or a value that the user names."""

from collections.abc import Sequence

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.blanks import literal
from loyalty_core.loading.column_names import words_of_name
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed

YES_WORDS = ("yes", "y", "true", "t", "1", "1.0", "ja", "oui", "si", "sí", "sim", "tak", "wahr", "vrai", "verdadero")
NO_WORDS = ("no", "n", "false", "f", "0", "0.0", "nein", "non", "não", "nie", "falsch", "faux", "falso")
_LEFT = (
    *("churned", "churn", "left", "lost", "gone", "exited", "attrited", "attrited customer", "cancelled", "canceled"),
    *("inactive", "closed", "abgewandert", "gekündigt"),
)
_STAYED = (
    *("stayed", "retained", "active", "current", "existing", "existing customer", "not churned", "no churn", "loyal"),
    *("open", "aktiv"),
)
# Under such a name, yes means that the customer is still there.
_STAYING_NAMES = frozenset(("active", "retained", "retention", "stayed", "aktiv", "loyal", "current", "existing"))
_EXAMPLES = 3


def churned_sql(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, values: Sequence[str] = ()) -> str:
    """SQL of the label as 1, 0 or NULL for blank; `values` are the ones that mean that the customer left.

    Raises DataError when a value is none of the known words, when yes would mean that the customer stayed, and for a
    value that does not occur.
    """
    text = f"lower({rows.value_of(name)})"
    if values:
        _check_occur(connection, rows, name, values)
        left = tuple(value.strip().lower() for value in values)
        return f"CASE WHEN {text} IS NOT NULL THEN ({text} IN ({_listed(left)}))::INT END"
    yes, no = _listed((*YES_WORDS, *_LEFT)), _listed((*NO_WORDS, *_STAYED))
    label = f"CASE WHEN {text} IN ({yes}) THEN 1 WHEN {text} IN ({no}) THEN 0 END"
    counted = connection.execute(
        f"""SELECT {rows.value_of(name)}, count(*), {label} FROM {SOURCE_ROWS}
        WHERE {text} IS NOT NULL GROUP BY ALL ORDER BY 2 DESC, 1"""  # noqa: S608 (quoted identifiers)
    ).fetchall()
    examples = listed((f"{value!r} ({count:,} rows)" for value, count, _ in counted), _EXAMPLES)
    if any(read is None for _, _, read in counted):
        raise DataError(
            f"Column {name} cannot be read as churned or not.",
            f"It holds {examples}.",
            f'Name the value of those who left, for example --churned "{counted[-1][0]}"; all others then stayed.',
        )
    if not words_of_name(name).isdisjoint(_STAYING_NAMES) and any(
        value.lower() in (*YES_WORDS, *NO_WORDS) for value, _, _ in counted
    ):
        raise DataError(
            f"Column {name} seems to say who stayed, rather than who left.",
            f"It holds {examples}.",
            f'Name the value of those who left, for example --churned "{counted[-1][0]}".',
        )
    return label


def _check_occur(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, values: Sequence[str]) -> None:
    found = connection.execute(
        f"SELECT DISTINCT {rows.value_of(name)} FROM {SOURCE_ROWS} WHERE {rows.value_of(name)} IS NOT NULL ORDER BY 1"  # noqa: S608
    ).fetchall()
    present = [str(value) for (value,) in found]
    for value in values:
        if value.strip().lower() not in {one.lower() for one in present}:
            shown = listed((repr(one) for one in present), _EXAMPLES)
            raise DataError(f"Column {name} has no value {value!r} (--churned).", f"It holds {shown}.")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(literal, words))
