"""Which column of a log is the customer, which the date and which the amount, where the user has not said so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.column_names import is_code, words_of_name
from loyalty_core.loading.column_types import typed_columns
from loyalty_core.loading.date_formats import COMPACT_DATE
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed, quoted

_CUSTOMER = frozenset(
    (
        *("customer", "customerid", "client", "member", "user", "card", "shopper", "household", "subscriber"),
        *("kunde", "kunden", "kundennummer", "cliente", "klant", "kund"),
    )
)
_AMOUNT = frozenset(
    (
        *("amount", "total", "revenue", "sales", "paid", "spend", "value", "turnover"),
        *("betrag", "umsatz", "summe", "montant", "importe", "importo", "bedrag", "belopp", "beløp"),
    )
)
_DATE = frozenset(("date", "datetime", "timestamp", "day", "datum", "data", "fecha"))
_PRICE = frozenset(("price", "preis", "prix", "precio", "prezzo", "prijs", "pris"))
_QUANTITY = frozenset(("quantity", "qty", "pieces", "units", "menge", "anzahl", "quantité", "cantidad"))
_BASKET = frozenset(
    ("invoice", "invoiceno", "order", "transaction", "basket", "receipt", "rechnung", "bestellung", "beleg", "bon")
)
_MANY, _FAR_FEWER = 20, 5


@dataclass(frozen=True)
class PurchaseColumns:
    """Names of the file's columns. `amount` may be a product of two, as in `Quantity*UnitPrice`.

    `customer`, `date` and `amount` are found where they are None and only one column qualifies. With
    `transaction`, lines that share its value are one basket; without, each line is one. `offer` is the offer or coupon
    that was used, blank where none was.
    """

    customer: str | None = None
    date: str | None = None
    amount: str | None = None
    transaction: str | None = None
    quantity: str | None = None
    offer: str | None = None


@dataclass(frozen=True)
class _Kinds:
    """What the free columns hold: names by kind, and how many different values those of whole numbers or words have."""

    dates: Sequence[str]
    decimals: Sequence[str]
    others: Mapping[str, int]


def complete(connection: duckdb.DuckDBPyConnection, rows: SourceRows, columns: PurchaseColumns) -> PurchaseColumns:
    """The columns with those that were not named; DataError with a question where it is not clear which they are."""
    if columns.customer and columns.date and columns.amount:
        return columns
    taken = {columns.customer, columns.date, columns.transaction, columns.quantity, columns.offer}
    free = [name for name in rows.types if name not in taken and name not in (columns.amount or "").split("*")]
    kinds = _kinds(connection, rows, free)
    date = columns.date or _only(kinds.dates) or _only(_named(free, _DATE))
    customer = columns.customer or _customer(rows, free, kinds)
    amount = columns.amount or _amount([name for name in free if name not in (date, customer)], kinds)
    if date is None or customer is None or amount is None:
        raise _question(connection, rows, {"customer": customer, "date": date, "amount": amount})
    found = replace(columns, customer=customer, date=date, amount=amount)
    if columns.transaction is None:
        found = replace(found, transaction=_only(_named(free, _BASKET, besides=(date, customer, amount))))
    parts = {"customer": customer, "date": date, "amount": amount, "transaction": found.transaction}
    read_as = ", ".join(f"--{part} {name}" for part, name in parts.items() if name)
    rows.notes.append(f"Read as {read_as}.")
    return found


def _kinds(connection: duckdb.DuckDBPyConnection, rows: SourceRows, free: Sequence[str]) -> _Kinds:
    noted = list(rows.notes)
    typed = typed_columns(connection, rows, free)
    rows.notes[:] = noted  # what is said on these columns is said when they are loaded
    dates = [
        one.name for one in typed if one.type in ("DATE", "TIMESTAMP") or _is_compact_date(connection, rows, one.name)
    ]
    decimals = [one.name for one in typed if one.type == "DOUBLE" and one.name not in dates]
    others = {
        one.name: _distinct(connection, one.name)
        for one in typed
        if one.type in ("BIGINT", "VARCHAR", "BOOLEAN") and one.name not in dates
    }
    return _Kinds(dates, decimals, others)


def _customer(rows: SourceRows, free: Sequence[str], kinds: _Kinds) -> str | None:
    """The one column named as a customer; without names, the one with by far the most different values that repeat."""
    named = _named(free, _CUSTOMER, besides=kinds.dates)
    if len(named) > 1:
        named = [name for name in named if is_code(name)] or named
    if named or rows.has_heading:
        return _only(named)
    counted = sorted(((count, name) for name, count in kinds.others.items()), reverse=True)
    if not counted or not _MANY <= counted[0][0] < rows.row_count:
        return None
    is_clear = len(counted) == 1 or counted[1][0] * _FAR_FEWER <= counted[0][0]
    return counted[0][1] if is_clear else None


def _amount(free: Sequence[str], kinds: _Kinds) -> str | None:
    """The one column named as an amount, or pieces times price; without names, the one with decimals."""
    numbers = [*kinds.decimals, *kinds.others]
    price, quantity = (_only(_named(free, words)) for words in (_PRICE, _QUANTITY))
    named = [name for name in _named(free, _AMOUNT, besides=(price, quantity)) if name in numbers]
    if named:
        return _only(named)
    if price and quantity:
        return f"{quantity}*{price}"
    return _only([name for name in kinds.decimals if name in free])


def _question(connection: duckdb.DuckDBPyConnection, rows: SourceRows, found: Mapping[str, str | None]) -> DataError:
    missing = [part for part, name in found.items() if name is None]
    (values,) = connection.execute(f"SELECT * FROM {SOURCE_ROWS} LIMIT 1").fetchall()  # noqa: S608
    examples = [f"{name} ({value})" for name, value in zip(rows.types, values, strict=True)]
    others = [name for name in rows.types if name not in found.values()]
    options = [f'--{part} "{name or others[0]}"' for part, name in found.items()]
    return DataError(
        f"Which column of {rows.file.name} is the {' and which the '.join(missing)}?",
        f"Its columns, with the values of the first line: {listed(examples, 20)}.",
        f"Name them, for example {' '.join(options)}.",
    )


def _named(free: Iterable[str], words: frozenset[str], besides: Sequence[str | None] = ()) -> list[str]:
    return [name for name in free if name not in besides and not words.isdisjoint(words_of_name(name))]


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def _is_compact_date(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> bool:
    value = rows.value_of(name)
    filled, dates = connection.execute(
        f"""SELECT count({value}), count(*) FILTER ({COMPACT_DATE.of(value)} IS NOT NULL)
        FROM {SOURCE_ROWS}"""  # noqa: S608 (quoted identifiers)
    ).fetchall()[0]
    return bool(filled) and dates == filled


def _distinct(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    return connection.execute(f"SELECT count(DISTINCT {quoted(name)}) FROM {SOURCE_ROWS}").fetchall()[0][0]  # noqa: S608
