"""Where the warehouse's data comes from and how fresh it is."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from loyalty_core.warehouse.connection import Warehouse
from loyalty_core.warehouse.customers import Transactions
from loyalty_core.warehouse.failures import place
from loyalty_core.warehouse.identity import IDENTITY_KEY, loader_facts
from loyalty_core.warehouse.remembered import remembered

_UPDATE_COLUMNS = ("updated_at", "snapshot_date", "as_of_date", "as_of", "loaded_at", "last_updated")


@dataclass(frozen=True)
class Source:
    """`facts` are the lines that the loader of a local warehouse wrote; `newest` is the latest date in the data."""

    is_demo: bool
    newest: date | None
    newest_from: str
    facts: dict[str, str]


def describe_source(warehouse: Warehouse) -> Source:
    """What the loader recorded if anything, else the newest date in the data; as old as the catalog may be."""
    return remembered(warehouse, "source", partial(_describe, warehouse))


def _describe(warehouse: Warehouse) -> Source:
    facts = loader_facts(warehouse)
    newest, newest_from = _newest(warehouse.unguarded, facts)
    # What a loader wrote counts all customers.
    shown = {} if warehouse.has_scope else {key: value for key, value in facts.items() if key != IDENTITY_KEY}
    return Source(facts.get("source") == "demo", newest, newest_from, shown)


def name_data(warehouse: Warehouse) -> str:
    """A short name of the data, to tell whether models were trained on it: "demo", a file, or a place."""
    facts = loader_facts(warehouse)
    if source := facts.get("source"):
        return f"{source} {facts.get('file_name', '')}".strip()
    return f"{place(warehouse.url)}, {warehouse.settings.dwh_customer_features_table}"


def _newest(warehouse: Warehouse, facts: dict[str, str]) -> tuple[date | None, str]:
    if snapshot := facts.get("snapshot_date"):
        return date.fromisoformat(snapshot[:10]), "snapshot date of the local warehouse"
    by_name = {column.name.lower(): column for column in warehouse.columns()}
    for name in _UPDATE_COLUMNS:
        column = by_name.get(name)
        if column is not None and isinstance(column.maximum, date):
            return _as_date(column.maximum), f"newest {column.label.lower()} in the features view"
    transactions = Transactions.find(warehouse)
    moment = transactions.latest_moment() if transactions else None
    return (_as_date(moment), "newest transaction") if isinstance(moment, date) else (None, "")


def _as_date(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
