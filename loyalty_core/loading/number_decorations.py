"""What is written around the numbers of a column: currency, percent signs, brackets; and mixtures of these."""

from dataclasses import dataclass

import duckdb

from loyalty_core.loading.blanks import literal
from loyalty_core.loading.number_formats import CURRENCY
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed

_SIGNED = r"\d ?[-−–]$|\("


@dataclass(frozen=True)
class Decorations:
    """How many values of a column have a percent sign or an accounting minus, and the currencies named in it."""

    name: str
    values: int
    percent: int
    accounting: int
    currencies: list[str]

    @property
    def mixture(self) -> str:
        """Several currencies, or percentages beside other numbers, as words; empty where a column has one unit."""
        if len(self.currencies) > 1:
            return f"several currencies ({listed(self.currencies)})"
        if 0 < self.percent < self.values:
            return f"numbers with a percent sign ({self.percent:,}) and without one ({self.values - self.percent:,})"
        return ""

    @property
    def note(self) -> str:
        """A sentence on how the signs around the numbers are read; empty where there are none."""
        read: list[str] = []
        if self.currencies:
            read.append(f"the currency {self.currencies[0]} is left out")
        if self.percent:
            read.append("percentages are read as shares (12% is 0.12)")
        if self.accounting:
            read.append(f"brackets or a minus after the number mean below zero ({self.accounting:,} times)")
        return f"Column {self.name}: {', '.join(read)}." if read else ""


def decorations_of(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> Decorations:
    """Survey the signs around the numbers of a column of text."""
    plain = "regexp_full_match(text, '[-0-9.,eE]*')"
    values, percent, accounting, currencies = connection.execute(
        f"""SELECT
            count(text), count(*) FILTER (contains(text, '%')),
            count(*) FILTER (regexp_matches(text, {literal(_SIGNED)})),
            list_sort(list(DISTINCT upper(regexp_extract(text, {literal(CURRENCY)}))) FILTER (NOT {plain}))
        FROM (SELECT {rows.value_of(name)} AS text FROM {SOURCE_ROWS})"""  # noqa: S608 (quoted identifiers)
    ).fetchall()[0]
    return Decorations(name, values, percent, accounting, [currency for currency in currencies or [] if currency])
