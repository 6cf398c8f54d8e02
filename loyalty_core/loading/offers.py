"""Which offers customers took, as the history that the offer model learns from, and a table of their names."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.blanks import literal
from loyalty_core.loading.churn_label import NO_WORDS, YES_WORDS
from loyalty_core.loading.source_file import listed, quoted

# One row per customer who was offered something: customer_id, offer (NULL where none was taken), day (NULL if unknown).
TAKEN = "offers_taken"
MIN_ROWS = 20  # of an offer: the models do not learn from fewer, see `ml.training.checks`
MAX_OFFERS = 200
NO_OFFER = (
    "0",
    "none",
    "no",
    "no offer",
    "no coupon",
    "nothing",
    "keine",
    "keines",
    "kein",
    "aucun",
    "ninguno",
    "nessuno",
)
OFFER_IDS = "offer_ids"
_LARGEST_ID = 2**31 - 1
_BEFORE = "offers_before"


def create_taken(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty temporary table of offers taken."""
    connection.execute(f"CREATE TEMP TABLE {TAKEN} (customer_id VARCHAR, offer VARCHAR, day DATE)")


def take_from_columns(connection: duckdb.DuckDBPyConnection, customers: str, columns: Sequence[str], day: str) -> None:
    """Fill `offers_taken` from columns of a table of customers; `day` is SQL of the day that its rows are from.

    One column names the offer; of several, each is an offer that was taken where it says yes.
    """
    flags = [name for name in columns if _is_flag(connection, customers, name)]
    if len(columns) == 1 and not flags:
        name = f"{quoted(columns[0])}::VARCHAR"
        words = ", ".join(map(literal, NO_OFFER))
        offer = f"CASE WHEN lower({name}) NOT IN ({words}) THEN {name} END"
        connection.execute(f"INSERT INTO {TAKEN} SELECT customer_id, {offer}, {day} FROM {customers}")  # noqa: S608
        return
    if others := [name for name in columns if name not in flags]:
        raise DataError(
            f"Column {others[0]} does not say yes or no, so it is no offer that was taken or not.",
            remedy="Give one --offer column with the name of the offer, or several of yes and no.",
        )
    for name in flags:
        connection.execute(
            f"""INSERT INTO {TAKEN} SELECT customer_id, {literal(name)}, {day} FROM {customers}
            WHERE {_is_yes(name)}"""  # noqa: S608 (quoted identifiers)
        )
    none = " AND ".join(f"NOT coalesce({_is_yes(name)}, false)" for name in flags)
    connection.execute(f"INSERT INTO {TAKEN} SELECT customer_id, NULL, {day} FROM {customers} WHERE {none}")  # noqa: S608


def number_offers(connection: duckdb.DuckDBPyConnection, before: Path) -> list[str]:
    """Write the table `offers`, and drop those taken too seldom from `offers_taken`; returns notes.

    Whole numbers are the ids themselves. Other offers are numbered by name; those that the warehouse `before` has
    retain their number, as models know offers by it.
    """
    counts = connection.execute(
        f"SELECT offer, count(*) FROM {TAKEN} WHERE offer IS NOT NULL GROUP BY offer ORDER BY offer"  # noqa: S608
    ).fetchall()
    rare = [offer for offer, count in counts if count < MIN_ROWS]
    offers = [offer for offer, count in counts if count >= MIN_ROWS]
    if len(offers) > MAX_OFFERS:
        raise DataError(
            f"There are {len(offers):,} different offers, more than {MAX_OFFERS}.",
            "It may be the wrong column.",
            "Name the column with the offer that was taken.",
        )
    if rare:
        connection.execute(f"DELETE FROM {TAKEN} WHERE list_contains($rare, offer)", {"rare": rare})  # noqa: S608
    ids = _ids(connection, offers, before)
    connection.execute(f"CREATE TEMP TABLE {OFFER_IDS} (offer VARCHAR, offer_id INTEGER)")
    if ids:
        connection.executemany(f"INSERT INTO {OFFER_IDS} VALUES (?, ?)", list(ids.items()))  # noqa: S608
    connection.execute(
        f"""CREATE TABLE offers AS
        SELECT offer_id, CASE WHEN NOT regexp_full_match(offer, '\\d+') THEN offer END AS name
        FROM {OFFER_IDS} ORDER BY offer_id"""  # noqa: S608
    )
    (none,) = connection.execute(f"SELECT count(*) FROM {TAKEN} WHERE offer IS NULL").fetchall()[0]  # noqa: S608
    taken = sum(count for _, count in counts if count >= MIN_ROWS)
    notes = [f"Offers: {taken:,} taken, of {len(offers):,} kinds ({listed(offers)}); none taken {none:,} times."]
    if rare:
        notes.append(f"Offers taken fewer than {MIN_ROWS} times are left out: {listed(rare)}.")
    return notes


def _ids(connection: duckdb.DuckDBPyConnection, offers: Sequence[str], before: Path) -> dict[str, int]:
    if all(offer.isascii() and offer.isdigit() and not offer.startswith("0") for offer in offers):
        return {offer: int(offer) for offer in offers if int(offer) <= _LARGEST_ID}
    known = _known(connection, before)
    free = (number for number in range(1, len(offers) + len(known) + 1) if number not in known.values())
    return {offer: known[offer] if offer in known else next(free) for offer in offers}


def _known(connection: duckdb.DuckDBPyConnection, before: Path) -> dict[str, int]:
    """The ids by name in the warehouse before, if it was loaded from a file with offers."""
    if not before.is_file():
        return {}
    try:
        connection.execute(f"ATTACH {literal(str(before.resolve()))} AS {_BEFORE} (READ_ONLY)")
    except duckdb.Error:
        return {}
    try:
        source = connection.execute(f"SELECT value FROM {_BEFORE}.warehouse_info WHERE key = 'source'").fetchall()  # noqa: S608
        found = connection.execute(f"SELECT name, offer_id FROM {_BEFORE}.offers").fetchall()  # noqa: S608
    except duckdb.Error:
        return {}
    finally:
        connection.execute(f"DETACH {_BEFORE}")
    return {} if source == [("demo",)] else dict(found)


def _is_flag(connection: duckdb.DuckDBPyConnection, customers: str, name: str) -> bool:
    """Whether all values of a column say yes or no, as `No internet service` does too, and some of them yes."""
    text = f"lower({quoted(name)}::VARCHAR)"
    no = f"({text} IN ({_listed(NO_WORDS)}) OR starts_with({text}, 'no '))"
    yes_count, no_count, filled = connection.execute(
        f"""SELECT count(*) FILTER ({_is_yes(name)}), count(*) FILTER ({no}), count({quoted(name)})
        FROM {customers}"""  # noqa: S608 (quoted identifiers)
    ).fetchall()[0]
    return yes_count > 0 and yes_count + no_count == filled


def _is_yes(name: str) -> str:
    return f"(lower({quoted(name)}::VARCHAR) IN ({_listed(YES_WORDS)}))"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(literal, words))
