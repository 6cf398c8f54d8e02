"""Sentences on how a column of text was interpreted, with counts and examples from its values."""

from dataclasses import dataclass

import duckdb

from loyalty_core.loading.blanks import doubtful, trimmed
from loyalty_core.loading.number_formats import number, possible_marks
from loyalty_core.loading.readings import Measure, Reading
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed, quoted

_EXAMPLES = 3
_LONGEST_EXAMPLE = 20


@dataclass(frozen=True)
class ColumnNotes:
    """Each method returns a sentence, or an empty text where there is nothing to report."""

    connection: duckdb.DuckDBPyConnection
    rows: SourceRows
    name: str

    def blanks(self, measure: Measure) -> str:
        """How many values were read as blank, and how they are written."""
        count = self.rows.row_count - measure.present
        if not count:
            return ""
        examples = self._examples(f"{self.rows.value_of(self.name)} IS NULL")
        written = f" ({examples})" if examples else ""
        return f"Column {self.name}: {count:,} blank value{'s' * (count != 1)}{written} became empty (NULL)."

    def words(self) -> str:
        """In a column of words: the signs that were read as blank, and words such as NULL that were not."""
        blank = self._examples(f"{self.rows.words_of(self.name)} IS NULL")
        unchanged = self._examples(f"{doubtful(quoted(self.name), self.rows.format.blanks)} IS NOT NULL")
        notes = [f"{blank} became empty (NULL)"] if blank else []
        notes += [f"{unchanged} is read as a word (see --blank)"] if unchanged else []
        return f"Column {self.name}: {'; '.join(notes)}." if notes else ""

    def years(self, reading: Reading) -> str:
        """The years that two digits were read as."""
        value = reading.of(self.rows.value_of(self.name))
        first, last = self.connection.execute(
            f"SELECT year(min({value})), year(max({value})) FROM {SOURCE_ROWS}"  # noqa: S608 (quoted identifiers)
        ).fetchall()[0]
        return f"Column {self.name}: its years of two digits are read as {first} to {last}."

    def unread(self, measure: Measure, reading: Reading) -> str:
        """How many values the reading cannot read, with examples; not a whole sentence."""
        value = self.rows.value_of(self.name)
        examples = self._examples(f"{value} IS NOT NULL AND {reading.of(value)} IS NULL")
        odd = f"{measure.present - measure.readable[reading]:,} of its {measure.present:,} values"
        return f"{odd} cannot be read as {reading.kind} ({examples}; see --blank and --number)"

    def two_readings(self) -> str:
        """The first value that a decimal point and a decimal comma make two numbers; not a whole sentence."""
        value = self.rows.value_of(self.name)
        point, comma = (number(marks).of(value) for marks in possible_marks(self.rows.format))
        example, one, other = self.connection.execute(
            f"""SELECT {value}, {point}, {comma} FROM {SOURCE_ROWS}
            WHERE {point} <> {comma} ORDER BY rowid LIMIT 1"""  # noqa: S608 (quoted identifiers)
        ).fetchall()[0]
        return f"{example} is {one:.15g} or {other:.15g}"

    def _examples(self, condition: str) -> str:
        """The most frequent texts that meet the SQL condition, in quotes; blank ones are no examples."""
        text = trimmed(quoted(self.name))
        found = self.connection.execute(
            f"""SELECT {text} AS value FROM {SOURCE_ROWS} WHERE {condition} AND {text} <> ''
            GROUP BY value ORDER BY count(*) DESC, value LIMIT {_EXAMPLES}"""  # noqa: S608 (quoted identifiers)
        ).fetchall()
        return listed(f"'{_shortened(value)}'" for (value,) in found)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[:_LONGEST_EXAMPLE]}…"
