"""A file of offers (CSV or Parquet), one row per customer and offer: who took which, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.blanks import literal
from loyalty_core.loading.churn_label import YES_WORDS
from loyalty_core.loading.column_names import is_code, words_of_name
from loyalty_core.loading.column_types import date_column, typed_columns
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.identifiers import identifier
from loyalty_core.loading.offers import NO_OFFER, TAKEN, create_taken
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed, read_source_rows

PARTS = ("customer", "offer", "date", "taken")
_REQUIRED = ("customer", "offer")
_NAMES = {
    "customer": frozenset(("customer", "client", "clientnum", "member", "user", "card", "kunde", "household")),
    "offer": frozenset(
        (
            *("offer", "offers", "coupon", "campaign", "promotion", "promo", "voucher", "reward", "product"),
            *("angebot", "gutschein", "oferta", "offre", "offerta"),
        )
    ),
    "taken": frozenset(
        ("taken", "converted", "conversion", "redeemed", "accepted", "used", "responded", "response", "eingelöst")
    ),
}


@dataclass(frozen=True)
class OffersFile:
    """`columns` names the file's columns by PARTS; those that are not named are found by their names and values.

    Without a column that says whether the offer was taken, each row is an offer that was.
    """

    file: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    written: FileFormat = field(default_factory=FileFormat)


def read_offers(connection: duckdb.DuckDBPyConnection, offers: OffersFile | None) -> list[str]:
    """Fill `offers_taken` from the file, or create it empty; returns notes. Raises DataError."""
    create_taken(connection)
    if offers is None:
        return []
    rows = read_source_rows(connection, offers.file, offers.written)
    found = _find_columns(connection, rows, offers)
    offer = rows.value_of(found["offer"])
    none = ", ".join(map(literal, NO_OFFER))
    taken = f"CASE WHEN lower({offer}) NOT IN ({none}) THEN {offer} END"
    if "taken" in found:
        yes = ", ".join(map(literal, YES_WORDS))
        taken = f"CASE WHEN lower({rows.value_of(found['taken'])}) IN ({yes}) THEN {taken} END"
    day = f"({date_column(connection, rows, found['date']).sql})::DATE" if "date" in found else "NULL::DATE"
    customer = identifier(connection, rows, found["customer"])
    connection.execute(
        f"""INSERT INTO {TAKEN} SELECT customer_id, offer, day
        FROM (SELECT {customer} AS customer_id, {taken} AS offer, {day} AS day FROM {SOURCE_ROWS})
        WHERE customer_id IS NOT NULL"""  # noqa: S608 (quoted identifiers)
    )
    read_as = ", ".join(f"{part} {found[part]}" for part in PARTS if part in found)
    return [*rows.notes, f"{rows.row_count:,} rows of {rows.file.name} are read as {read_as} (see --offers-column)."]


def recognised_columns(offers: OffersFile) -> dict[str, str]:
    """The column of each of PARTS that `read_offers` would find; empty where it would ask which one is meant."""
    with duckdb.connect() as connection:
        try:
            return _find_columns(connection, read_source_rows(connection, offers.file, offers.written), offers)
        except DataError:
            return {}


def _find_columns(connection: duckdb.DuckDBPyConnection, rows: SourceRows, offers: OffersFile) -> dict[str, str]:
    found = {part: rows.find(name, "--offers-column") for part, name in offers.columns.items()}
    free = [name for name in rows.types if name not in found.values()]
    if "date" not in found:
        dates = [
            column.name for column in typed_columns(connection, rows, free) if column.type in ("DATE", "TIMESTAMP")
        ]
        if len(dates) > 1:
            raise _ask(rows, "the day of the offer", dates, found)
        if dates:
            found["date"] = dates[0]
        free = [name for name in free if name not in dates]
    for part in ("taken", "offer", "customer"):
        if part not in found and (name := _named(rows, part, free, found)) is not None:
            found[part] = name
            free.remove(name)
    if missing := next((part for part in _REQUIRED if part not in found), None):
        raise _ask(rows, f"the {missing}", free, found)
    return found


def _named(rows: SourceRows, part: str, free: Sequence[str], found: Mapping[str, str]) -> str | None:
    """The one column whose name is of that part; DataError where there are several."""
    named = [name for name in free if not _NAMES[part].isdisjoint(words_of_name(name))]
    if part == "customer":
        named = named or [name for name in free if is_code(name)]
    if part == "offer":  # a name rather than a number, if there are both
        named = [name for name in named if not is_code(name)] or named
    if len(named) > 1:
        raise _ask(rows, f"the {part}", named, found)
    return named[0] if named else None


def _ask(rows: SourceRows, what: str, choices: Sequence[str], found: Mapping[str, str]) -> DataError:
    missing = next(part for part in (*_REQUIRED, "date", "taken") if part not in found)
    example = choices[0] if choices else next(iter(rows.types))
    return DataError(
        f"Which column of {rows.file.name} is {what}?",
        f"It may be {listed(choices or rows.types)}.",
        f'Name it, for example --offers-column "{missing}={example}"; customer, offer, date and taken can be named.',
    )
