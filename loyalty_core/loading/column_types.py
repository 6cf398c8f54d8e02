"""What the columns of a file mean, found over every value: the type and SQL with which each is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.column_names import is_code
from loyalty_core.loading.column_notes import ColumnNotes
from loyalty_core.loading.date_formats import COMPACT_DATE, dates, may_be_ahead
from loyalty_core.loading.number_decorations import Decorations, decorations_of
from loyalty_core.loading.number_formats import WHOLE_NUMBER, number, possible_marks
from loyalty_core.loading.number_marks import MarkDecision, decide_marks
from loyalty_core.loading.readings import ONE_OR_ZERO, Measure, Reading, count_each, flags, measures, sample_measures
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, is_text, quoted

NEARLY_NONE = 0.1  # of a sample of its values: below that, a column is not of the type
NEARLY_ALL = 0.95  # of its values: below that, a column holds words, two of which are yes and no, rather than flags
ENOUGH = 0.9  # of its values: below that, the column given as date or amount is the wrong one

WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
BIG_NUMBERS = ("UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL")
FLOATS = ("FLOAT", "DOUBLE")
TIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
WRITTEN_OUT = ("UUID", "TIME", "INTERVAL")


@dataclass(frozen=True)
class TypedColumn:
    """A column as it is loaded: its type and the SQL over `source_rows` that gives its values.

    The SQL is empty for a column that is left out; the note says why, or how its values were interpreted.
    `has_currency`: its numbers are written with the sign or name of a currency.
    """

    name: str
    type: str
    sql: str
    note: str = ""
    has_currency: bool = False


def typed_columns(connection: duckdb.DuckDBPyConnection, rows: SourceRows, names: Sequence[str]) -> list[TypedColumn]:
    """The given columns with the types that all their values have; a column of lists or bytes has none."""
    forced = [rows.find(name, "--number") for name in rows.format.numbers]
    texts = [name for name in names if is_text(rows.types[name]) and name not in forced]
    marks = decide_marks(connection, rows, texts)
    rows.notes.extend(marks.notes)
    promising = _promising(connection, rows, {name: _values(rows, name, marks) for name in texts})
    undecided = [name for name in texts if not any(reading.type == "BIGINT" for reading in promising[name])]
    found = _promising(connection, rows, {name: _days(rows, name) for name in undecided})
    found = measures(connection, rows, {name: [*promising[name], *found.get(name, ())] for name in texts})
    typed = {name: _typed_text(connection, rows, name, found[name], marks) for name in texts}
    typed |= {name: _forced_number(connection, rows, name, marks) for name in forced if name in names}
    return [typed.get(name) or _coded(_typed_as_stored(name, rows.types[name])) for name in names]


def date_column(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> TypedColumn:
    """A column of dates as TIMESTAMP in UTC; values that cannot be read are NULL. DataError when most cannot."""
    stored = _typed_as_stored(name, rows.types[name])
    if stored.type in ("DATE", "TIMESTAMP"):
        return TypedColumn(name, "TIMESTAMP", f"{stored.sql}::TIMESTAMP")
    best, measure = _best(connection, rows, name, (*dates(rows.format.date_order), COMPACT_DATE))
    if _is_ambiguous(measure, measure.readable[best]):
        raise DataError(
            f"The dates in {name} can be read day first or month first.",
            "No value shows which is meant.",
            "Choose with --date-order day-first or --date-order month-first.",
        )
    if _has_both_orders(connection, rows, name, best, measure):
        raise DataError(
            f"The dates in {name} are written in both orders, day first and month first.",
            "Which order 01/02/2024 has is unknown.",
            "Export them written one way, such as 2024-12-31, or choose with --date-order what to read.",
        )
    return TypedColumn(name, "TIMESTAMP", f"({best.of(rows.value_of(name))})::TIMESTAMP")


def number_column(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, marks: MarkDecision
) -> TypedColumn:
    """A column of amounts as DOUBLE; values that cannot be read are NULL.

    Raises DataError when most cannot, when the marks allow two readings, and for amounts in several currencies.
    """
    stored = _typed_as_stored(name, rows.types[name])
    if stored.type in ("BIGINT", "DOUBLE"):
        return TypedColumn(name, "DOUBLE", f"{stored.sql}::DOUBLE")
    decided = marks.of(name)
    if decided is None:
        raise DataError(
            f"The numbers in {name} can be read in two ways: {ColumnNotes(connection, rows, name).two_readings()}.",
            "The other values do not settle whether the mark comes before decimals or between thousands.",
            "Choose with --decimal . or --decimal ,",
        )
    best, _ = _best(connection, rows, name, [number(decided)])
    decorations = decorations_of(connection, rows, name)
    if decorations.mixture:
        raise DataError(
            f"Column {name} of {rows.file.name} holds {decorations.mixture}.",
            "Their sum would be meaningless.",
            "Write them in one unit, without signs or with the same one everywhere, and export again.",
        )
    return TypedColumn(name, "DOUBLE", best.of(rows.value_of(name)), decorations.note)


def stored_columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[TypedColumn]:
    """The columns of a table of a database, with the types that they have there; SQL is over that table."""
    described = connection.execute(f"DESCRIBE {table}").fetchall()
    return [_coded(_typed_as_stored(name, kind)) for name, kind, *_ in described]


def _coded(column: TypedColumn) -> TypedColumn:
    """A column of whole numbers that are codes by its name, as text."""
    if column.type != "BIGINT" or not is_code(column.name):
        return column
    return TypedColumn(column.name, "VARCHAR", f"({column.sql})::VARCHAR", _codes_note(column.name))


def _codes_note(name: str) -> str:
    return f"Column {name}: read as codes, which have no size (see --number)."


def _values(rows: SourceRows, name: str, marks: MarkDecision) -> list[Reading]:
    decided = marks.of(name)
    numbers = [number(decided)] if decided else [number(one) for one in possible_marks(rows.format)]
    return [*flags(name), WHOLE_NUMBER, *numbers]


def _days(rows: SourceRows, name: str) -> list[Reading]:
    return list(dates(rows.format.date_order, past=not may_be_ahead(name)))


def _typed_as_stored(name: str, duckdb_type: str) -> TypedColumn:
    column = quoted(name)
    kind = duckdb_type if duckdb_type.endswith("]") else duckdb_type.split("(", maxsplit=1)[0]
    if kind in ("BOOLEAN", "DATE"):
        return TypedColumn(name, kind, column)
    if kind in WHOLE_NUMBERS:
        return TypedColumn(name, "BIGINT", f"{column}::BIGINT")
    if kind in BIG_NUMBERS:
        return TypedColumn(name, "DOUBLE", f"{column}::DOUBLE")
    if kind in FLOATS:
        return TypedColumn(name, "DOUBLE", f"CASE WHEN isfinite({column}) THEN {column}::DOUBLE END")
    if kind in TIMES:
        return TypedColumn(name, "TIMESTAMP", f"{column}::TIMESTAMP")
    if kind == "TIMESTAMP WITH TIME ZONE":
        return TypedColumn(name, "TIMESTAMP", f"timezone('UTC', {column})")
    if kind == "VARCHAR":
        return TypedColumn(name, "VARCHAR", column)
    if kind in WRITTEN_OUT:
        return TypedColumn(name, "VARCHAR", f"{column}::VARCHAR")
    return TypedColumn(name, "", "", f"Column {name} is left out: it holds {duckdb_type}, not single values.")


def _typed_text(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, measure: Measure, marks: MarkDecision
) -> TypedColumn:
    notes = ColumnNotes(connection, rows, name)
    complete = [reading for reading, count in measure.readable.items() if count == measure.present > 0]
    decorations = decorations_of(connection, rows, name) if complete and complete[0].type == "DOUBLE" else None
    if why := _why_text(notes, measure, marks, decorations):
        return TypedColumn(name, "VARCHAR", rows.words_of(name), f"Column {name} stays text: {why}.")
    if not complete:
        return TypedColumn(name, "VARCHAR", rows.words_of(name), notes.words())
    chosen = complete[0]
    remarks = [notes.blanks(measure)]
    if chosen is ONE_OR_ZERO:
        remarks.append(f"Column {name}: 1 and 0 are read as true and false (see --number).")
    elif decorations:
        remarks.append(decorations.note)
    elif chosen.short_years:
        remarks.append(notes.years(chosen))
    if chosen.type == "BIGINT" and is_code(name):
        remarks.append(_codes_note(name))
        return TypedColumn(name, "VARCHAR", rows.value_of(name), " ".join(filter(None, remarks)))
    has_currency = bool(decorations and decorations.currencies)
    value = chosen.of(rows.value_of(name))
    return TypedColumn(name, chosen.type, value, " ".join(filter(None, remarks)), has_currency)


def _why_text(notes: ColumnNotes, measure: Measure, marks: MarkDecision, decorations: Decorations | None) -> str:
    """Why a column that looks like numbers, dates or flags stays text; empty when it is of a type, or just text."""
    nearest, count = max(measure.readable.items(), key=lambda item: item[1], default=(None, 0))
    if nearest is None or not count or (nearest.type == "BOOLEAN" and count < measure.present * NEARLY_ALL):
        return ""
    if count < measure.present:
        return notes.unread(measure, nearest)
    if _is_ambiguous(measure, measure.present):
        return "its dates can be read day first or month first (see --date-order)"
    if decorations and marks.of(notes.name) is None:
        return f"{notes.two_readings()} (see --decimal)"
    return f"it holds {decorations.mixture}" if decorations and decorations.mixture else ""


def _forced_number(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, marks: MarkDecision
) -> TypedColumn:
    """A column given with --number: what cannot be read becomes NULL, and is counted."""
    if not is_text(rows.types[name]):
        stored = _typed_as_stored(name, rows.types[name])
        return replace(stored, type="BIGINT", sql=f"{stored.sql}::BIGINT") if stored.type == "BOOLEAN" else stored
    decided = decide_marks(connection, rows, [name]).of(name) if name not in marks.columns else marks.of(name)
    if decided is None:
        return number_column(connection, rows, name, MarkDecision(marks.usual, {name: None}))
    best, measure = _best(connection, rows, name, [WHOLE_NUMBER, number(decided)], enough=0)
    unread = measure.present - measure.readable[best]
    note = f"Column {name}: {unread:,} values that are not numbers became empty (NULL)." if unread else ""
    return TypedColumn(name, best.type, best.of(rows.value_of(name)), note)


def _is_ambiguous(measure: Measure, count: int) -> bool:
    orders = {reading.date_order for reading, readable in measure.readable.items() if readable == count > 0}
    return {"day-first", "month-first"} <= orders


def _has_both_orders(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str, best: Reading, measure: Measure
) -> bool:
    """Whether dates that the best reading cannot read are valid in the other order."""
    others = [one for one in measure.readable if one.date_order and one.date_order != best.date_order]
    if not best.date_order or not others or measure.readable[best] == measure.present:
        return False
    either = [f"CASE WHEN {best.sql} IS NULL THEN {other.sql} END" for other in others]
    return any(count_each(connection, rows, {name: either}, SOURCE_ROWS)[name])


def _promising(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, readings: Mapping[str, Sequence[Reading]]
) -> dict[str, list[Reading]]:
    """The readings that a sample of each column does not rule out."""
    return {
        name: [reading for reading, count in sample.readable.items() if count >= sample.present * NEARLY_NONE]
        for name, sample in sample_measures(connection, rows, readings).items()
    }


def _best(
    connection: duckdb.DuckDBPyConnection,
    rows: SourceRows,
    name: str,
    readings: Sequence[Reading],
    enough: float = ENOUGH,
) -> tuple[Reading, Measure]:
    sample = sample_measures(connection, rows, {name: readings})[name]
    likely = [reading for reading in readings if sample.readable[reading]] or readings
    measure = measures(connection, rows, {name: likely})[name]
    best, count = max(measure.readable.items(), key=lambda item: item[1])
    if count < measure.present * enough or not count:
        raise DataError(
            f"Column {name} of {rows.file.name} does not hold {best.kind} in each row.",
            f"Only {count:,} of its {measure.present:,} values can be read as {best.kind}, all written one way.",
            "Name another column, or write its values one way (2024-12-31, 1234.50) and export again.",
        )
    return best, measure
