"""Ids as text: one spelling for one customer, and none that a spreadsheet has rounded."""

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, is_text, quoted

_EXACT = {"DOUBLE": 2**53, "FLOAT": 2**24}  # whole numbers above that share a float with their neighbours
_SCIENTIFIC = r"[1-9](?:[.,]\d+)?[eE]\+\d+|[1-9][.,]\d+[eE]\d+"
_MIN_LONG = 3


def identifier(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> str:
    """SQL of an id column as text: 17850.0 is 17850, leading zeros stay.

    Raises DataError when ids were rounded on the way, so that several customers would become one.
    """
    kind = rows.types[name].split("(", maxsplit=1)[0]
    if kind in (*_EXACT, "DECIMAL"):
        return _whole(connection, rows, name, kind)
    text = rows.value_of(name)
    if is_text(rows.types[name]):
        _check_rounding(connection, rows, name, text)
    all_numbers, both_forms = connection.execute(
        f"""WITH ids AS (SELECT DISTINCT {text} AS id FROM {SOURCE_ROWS})
        SELECT
            bool_and(regexp_full_match(id, '\\d+(\\.0+)?')) AND bool_or(contains(id, '.')),
            EXISTS (FROM ids AS long JOIN ids AS short ON short.id = regexp_replace(long.id, '\\.0+$', '')
                WHERE regexp_full_match(long.id, '\\d+\\.0+'))
        FROM ids"""  # noqa: S608 (a quoted identifier)
    ).fetchall()[0]
    if not all_numbers and not both_forms:
        return text
    rows.notes.append(f"Ids in {name} such as 17850.0 are read as 17850.")
    return f"regexp_replace({text}, '^(\\d+)\\.0+$', '\\1')"


def _whole(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, kind: str) -> str:
    column = quoted(name)
    if limit := _EXACT.get(kind):
        (rounded,) = connection.execute(
            f"SELECT count(*) FROM {SOURCE_ROWS} WHERE isfinite({column}) AND abs({column}) > {limit}"  # noqa: S608
        ).fetchall()[0]
        if rounded:
            raise _rounded(rows, name, rounded, f"they are stored as {kind}, which holds {len(str(limit)) - 1} digits")
    whole = f"TRY_CAST({column} AS HUGEINT)"
    return f"CASE WHEN {whole} = {column} THEN {whole}::VARCHAR ELSE {rows.value_of(name)} END"


def _check_rounding(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, text: str) -> None:
    scientific, example, long, zeros = connection.execute(
        f"""SELECT
            count(*) FILTER (regexp_full_match(id, '{_SCIENTIFIC}')),
            any_value(id) FILTER (regexp_full_match(id, '{_SCIENTIFIC}')),
            count(DISTINCT id) FILTER (regexp_full_match(id, '[1-9]\\d{{15,}}')),
            count(DISTINCT id) FILTER (regexp_full_match(id, '[1-9]\\d{{14}}0+'))
        FROM (SELECT {text} AS id FROM {SOURCE_ROWS})"""  # noqa: S608 (a quoted identifier)
    ).fetchall()[0]
    if scientific:
        raise _rounded(rows, name, scientific, f"a spreadsheet wrote them as {example}")
    if long >= _MIN_LONG and long == zeros:
        raise _rounded(rows, name, long, "all end in zeros after 15 digits, as a spreadsheet leaves them")


def _rounded(rows: SourceRows, name: str, count: int, why: str) -> DataError:
    return DataError(
        f"{count:,} ids in column {name} of {rows.file.name} are rounded: {why}.",
        "The lost digits cannot be restored, and different customers would become one.",
        "Export the file again from its source, with the ids as text, and do not save it in a spreadsheet.",
    )
