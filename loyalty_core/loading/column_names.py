"""What the name of a column says about its values, in the languages that exports are written in."""

import re

from loyalty_core.warehouse.columns.labels import label_of

_CODES = frozenset(
    (
        *("id", "uuid", "guid", "code", "zip", "zipcode", "postcode", "postal", "plz", "postleitzahl", "pincode"),
        *("kundennummer", "kundenummer"),
    )
)
_REVENUE = frozenset(
    (
        *("revenue", "turnover", "sales", "spend", "spent", "spending", "monetary"),
        *("umsatz", "gesamtumsatz", "ausgaben", "ventas", "ingresos", "gasto", "gastos", "fatturato", "spesa"),
        *("omzet", "besteding", "omsättning", "omsetning", "omsætning", "przychód", "obrót", "faturamento", "receita"),
    )
)
_MONEY = _REVENUE | frozenset(
    (
        *("amount", "amt", "charge", "charges", "payment", "payments", "price", "fee", "fees", "cost", "costs"),
        *("betrag", "preis", "kosten", "gebühren", "montant", "dépense", "dépenses", "chiffre", "prix", "importe"),
        *("precio", "coste", "importo", "prezzo", "bedrag", "prijs", "belopp", "beløp", "pris", "kwota", "valor"),
    )
)
_TOTALS = frozenset(("total", "sum", "lifetime", "gesamt", "summe", "totale", "totaal", "totalt", "suma", "soma"))
_FILLERS = frozenset(
    ("customer", "net", "gross", "all", "in", "of", "per", "eur", "usd", "gbp", "chf", "nok", "sek", "dkk")
)
_BIRTH = frozenset(
    ("birth", "birthday", "birthdate", "born", "dob", "geburt", "geburtsdatum", "naissance", "nacimiento")
)
_PURCHASES = frozenset(("purchase", "purchases", "order", "orders", "transaction", "transactions", "trans"))
_COUNTS = frozenset(("count", "number", "num", "frequency", "ct", "of"))


def words_of_name(name: str) -> frozenset[str]:
    """The words of a name, in lower case, without signs: `Total Spend (€)` → total, spend."""
    return frozenset(re.findall(r"\w+", label_of(name).lower()))


def is_code(name: str) -> bool:
    """Whether numbers under this name are codes, whose size means nothing: `Zip Code`, `store_id`."""
    return not _CODES.isdisjoint(words_of_name(name))


def revenue_evidence(name: str, *, has_currency: bool) -> int:
    """How clearly a column of numbers is a customer's whole revenue: 0, not at all, to 3.

    It takes a name of money, or values written with a currency, and no word in the name that may mean something else.
    """
    words = words_of_name(name)
    others = words - _MONEY - _TOTALS - _PURCHASES - _FILLERS
    if others:  # HourSpendOnApp, revenue_growth, Total day charge
        return 0
    is_total = not words.isdisjoint(_TOTALS)
    if not words.isdisjoint(_REVENUE):
        return 3 if is_total or len(words) == 1 else 2
    return 1 if is_total and (has_currency or not words.isdisjoint(_MONEY)) else 0


def is_birth(name: str) -> bool:
    """Whether the name is that of a day of birth."""
    return not words_of_name(name).isdisjoint(_BIRTH)


def is_recency(name: str) -> bool:
    """Whether the name is that of the days since the last purchase."""
    words = words_of_name(name)
    if words == {"recency", "days"}:  # recency alone may be in months
        return True
    if words.isdisjoint({"day", "days"}) or "since" not in words or words.isdisjoint(_PURCHASES):
        return False
    return "last" in words or words <= _PURCHASES | {"day", "days", "since"}  # the first order is another one


def is_frequency(name: str) -> bool:
    """Whether the name is that of the number of purchases."""
    words = words_of_name(name)
    if words in ({"frequency"}, {"orders"}, {"purchases"}, {"transactions"}):
        return True
    if words - _PURCHASES == {"all", "time"} != words:
        return True
    counted = words - _PURCHASES - {"total", "all"}
    return words != counted and bool(counted) and counted <= _COUNTS
