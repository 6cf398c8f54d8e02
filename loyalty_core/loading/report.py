"""What a load did, as lines for the terminal and facts for the app's System health page."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loyalty_core.loading.identity import DATA_KEY
from loyalty_core.loading.source_file import listed
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, DEFAULT_WAREHOUSE

MAX_NOTES = 40
MAX_SUGGESTED = 12
VIEW = "customer_features_view"
TABLES = (VIEW, "customer_churn_history", "customer_offer_history", "transactions")


@dataclass(frozen=True)
class LoadReport:
    """Rows read, what was loaded, rows left out by reason, and remarks on how the file was interpreted."""

    file_name: str
    rows_read: int
    loaded: str
    excluded: Mapping[str, int]
    notes: Sequence[str]

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
    """For the terminal: the tables of a warehouse just written, whether its identity is new, and what to do next."""
    with duckdb.connect(out, read_only=True) as connection:
        described = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
        ).fetchall()
        sizes = [
            f"  {table}: {connection.table(table).count('*').fetchall()[0][0]:,} rows"
            for table in TABLES
            if table in {row[0] for row in described}
        ]
        known = connection.execute("SELECT value FROM warehouse_info WHERE key = ?", [DATA_KEY]).fetchall()
    columns = {column: kind for table, column, kind in described if table == VIEW}
    same_data = [text for (text,) in known]
    in_place = out.resolve() == DEFAULT_WAREHOUSE.resolve()
    setting = "" if in_place else f"DWH_URL='duckdb:///{out.resolve()}' "
    return [f"Wrote {out}:", *sizes, *same_data, *mapping_suggestion(columns), f"Next: {setting}make run"]


def mapping_suggestion(columns: Mapping[str, str]) -> list[str]:
    """Lines for loyalty.toml when a view with these columns (name → type) lacks those of the standard mapping."""
    wanted = [[names] if isinstance(names, str) else names for names in DEFAULT_FEATURE_MAPPING.values()]
    if all(any(name in columns for name in names) for names in wanted):
        return []
    numeric = [name for name, kind in columns.items() if kind in ("BIGINT", "DOUBLE")]
    if not numeric:
        return ["The view has no column of numbers, so there is nothing for the models to learn from."]
    chosen, others = numeric[:MAX_SUGGESTED], numeric[MAX_SUGGESTED:]
    return [
        "Choose the columns that the models use: put this at the top of loyalty.toml and edit it:",
        "",
        f"ml_model_input_size = {len(chosen)}",
        *(f"ml_feature_mapping.{_toml_key(name)} = {json.dumps(name, ensure_ascii=False)}" for name in chosen),
        *([f"# further columns of numbers: {listed(others)}"] if others else []),
        "",
    ]


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _first_notes(notes: Sequence[str]) -> list[str]:
    more = len(notes) - MAX_NOTES
    return [*notes[:MAX_NOTES], *([f"There are {more:,} more remarks like these."] if more > 0 else [])]
