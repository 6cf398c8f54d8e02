"""Which mark comes before the decimals: decided from all values of all columns together, or left open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from loyalty_core.loading.number_formats import WHOLE_NUMBER, NumberMarks, number, possible_marks
from loyalty_core.loading.readings import count_each, sample_measures
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed

_NEARLY_ALL = 0.9  # of a column's values: below that, it is not a column of numbers and says nothing about the marks


@dataclass(frozen=True)
class MarkDecision:
    """The marks of each column of numbers; None for a column whose values can be read in two ways."""

    usual: NumberMarks
    columns: Mapping[str, NumberMarks | None]
    notes: list[str] = field(default_factory=list)

    def of(self, name: str) -> NumberMarks | None:
        return self.columns.get(name, self.usual)


@dataclass(frozen=True)
class _Evidence:
    """How many values need a decimal point, need a decimal comma, or are different numbers with each."""

    point: int
    comma: int
    either: int


def decide_marks(connection: duckdb.DuckDBPyConnection, rows: SourceRows, names: Sequence[str]) -> MarkDecision:
    """Decide the marks of the columns `names` (of text): by its own values, otherwise by those of all other columns."""
    possible = possible_marks(rows.format)
    if len(possible) == 1:
        return MarkDecision(possible[0], {})
    point, comma = possible
    evidence = _evidence(connection, rows, names, point, comma)
    by_point = [name for name, found in evidence.items() if found.point > found.comma]
    by_comma = [name for name, found in evidence.items() if found.comma > found.point]
    shown = (point if by_point else comma) if bool(by_point) != bool(by_comma) else None
    columns: dict[str, NumberMarks | None] = {}
    for name, found in evidence.items():
        own = point if found.point > found.comma else comma if found.comma > found.point else None
        contradictory = bool(found.point and found.comma)
        columns[name] = (None if contradictory else own or shown) if found.either else own or point
    notes = [f"Decimal comma in {listed(by_comma)}."] if by_comma else []
    settled = [name for name, found in evidence.items() if found.either and not found.point and not found.comma]
    if shown and settled:
        example = "1,250 is 1250 and 1.250 is 1.25" if shown is point else "1.250 is 1250 and 1,250 is 1.25"
        witness = (by_point or by_comma)[0]
        notes.append(
            f"{example} in {listed(settled)}, which alone could be read otherwise: {witness} has a "
            f"{shown.describe()} (see --decimal)."
        )
    return MarkDecision(point, columns, notes)


def _evidence(
    connection: duckdb.DuckDBPyConnection,
    rows: SourceRows,
    names: Sequence[str],
    point: NumberMarks,
    comma: NumberMarks,
) -> dict[str, _Evidence]:
    readings = (number(point), number(comma), WHOLE_NUMBER)
    sample = sample_measures(connection, rows, dict.fromkeys(names, readings))
    likely = [
        name for name, measure in sample.items() if max(measure.readable.values()) >= measure.present * _NEARLY_ALL
    ]
    one, other = readings[0].sql, readings[1].sql
    counts = (
        "{}",
        one,
        other,
        f"CASE WHEN {one} IS NOT NULL AND {other} IS NOT NULL THEN 1 END",
        f"nullif({one} <> {other}, false)",
    )
    found: dict[str, _Evidence] = {}
    for name, values in count_each(connection, rows, dict.fromkeys(likely, counts), SOURCE_ROWS).items():
        present, by_point, by_comma, by_both, differing = values
        if max(by_point, by_comma) >= present * _NEARLY_ALL:
            found[name] = _Evidence(by_point - by_both, by_comma - by_both, differing)
    return found
