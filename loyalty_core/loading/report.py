"""What a load did, as lines for the terminal and facts for the app's System health page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loyalty_core.loading.feature_suggestion import Suggestion
from loyalty_core.loading.identity import DATA_KEY

MAX_NOTES = 40
VIEW = "customer_features_view"
HISTORIES = ("customer_churn_history", "customer_offer_history", "customer_treatment_history")
TABLES = (VIEW, *HISTORIES, "offers", "transactions")


@dataclass(frozen=True)
class LoadReport:
    """Rows read, what was loaded, rows left out by reason, and remarks on how the file was interpreted.

    `suggestion` is the mapping for the models; None where the view has the columns of the standard mapping.
    """

    file_name: str
    rows_read: int
    loaded: str
    excluded: Mapping[str, int]
    notes: Sequence[str]
    suggestion: Suggestion | None = None

    @property
    def excluded_text(self) -> str:
        """`135,080 without a customer; 40 with a zero amount`, or `none`."""
        return "; ".join(f"{count:,} {reason}" for reason, count in self.excluded.items() if count) or "none"

    def facts(self) -> dict[str, str | int | None]:
        """For `record_source`: texts that the app shows under these keys."""
        return {
            "file_name": self.file_name,
            "rows_read": self.rows_read,
            "rows_left_out": self.excluded_text,
            "loaded": self.loaded,
            "remarks": " ".join(_first_notes(self.notes)) or None,
            "features_of_models": " ".join(self.suggestion.lines()) if self.suggestion else None,
        }

    def lines(self) -> list[str]:
        """For the terminal."""
        return [
            f"Read {self.rows_read:,} rows of {self.file_name}.",
            f"Left out: {self.excluded_text}.",
            f"Loaded: {self.loaded}.",
            *_first_notes(self.notes),
        ]


def describe_warehouse(out: Path) -> list[str]:
    """For the terminal: the tables of a warehouse just written, and whether its identity is new."""
    with duckdb.connect(out, read_only=True) as connection:
        present = {
            name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
        }
        sizes = [
            f"  {table}: {connection.table(table).count('*').fetchall()[0][0]:,} rows"
            for table in TABLES
            if table in present
        ]
        known = connection.execute("SELECT value FROM warehouse_info WHERE key = ?", [DATA_KEY]).fetchall()
    return [f"Wrote {out}:", *sizes, *(text for (text,) in known)]


def _first_notes(notes: Sequence[str]) -> list[str]:
    more = len(notes) - MAX_NOTES
    return [*notes[:MAX_NOTES], *([f"There are {more:,} more remarks like these."] if more > 0 else [])]
