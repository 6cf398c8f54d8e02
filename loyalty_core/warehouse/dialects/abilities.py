"""What each database can do here, in words, as the table of docs/engines.md shows it.

`python -m loyalty_core.warehouse.dialects docs/engines.md` writes the table; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty_core.warehouse.dialects.base import Dialect

_START, _END = "<!-- abilities -->", "<!-- end of abilities -->"
_TITLES = {
    "tested": "Tested",
    "refuses_writes": "Writes are refused by",
    "limits_time": "Time limit",
    "bulk": "Rows in bulk",
    "quantiles": "Quantiles",
    "predictions": "Predictions",
}


@dataclass(frozen=True)
class Abilities:
    """What holds for a database that says nothing else: a server with a SQLAlchemy dialect."""

    tested: str = "only its SQL for rules, by a grammar and a list of functions"
    refuses_writes: str = "the rights of the account"
    limits_time: str = "the server's own"
    bulk: str = "rows of the driver"
    quantiles: str = "by sorting; histograms show the tail whole"
    predictions: str = "a table for each run"


def table(dialects: Iterable[Dialect]) -> str:
    """A row for each database, in Markdown."""
    names = [field.name for field in fields(Abilities)]
    rows = [["Database", *(_TITLES[name] for name in names)], ["---"] * (1 + len(names))]
    rows += [[dialect.title, *(getattr(dialect.abilities, name) for name in names)] for dialect in dialects]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_table(text: str, dialects: Iterable[Dialect]) -> str:
    """The document with the table as it is now between its marks."""
    before, _, rest = text.partition(_START)
    _, _, after = rest.partition(_END)
    return f"{before}{_START}\n{table(dialects)}\n{_END}{after}"
