"""What the warehouse knows about the offers: names, costs and margins."""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from cachetools import TTLCache

from loyalty_core.memory_only import holding
from loyalty_core.warehouse.reflection import find_table

if TYPE_CHECKING:
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.connection import Row

_TABLE = "offers"
_COLUMNS = {
    "id": ("offer_id", "id"),
    "name": ("name", "offer_name", "title"),
    "kind": ("offer_type", "type", "kind"),
    "channel": ("channel",),
    "description": ("description",),
    "cost": ("cost", "offer_cost", "unit_cost"),
    "margin": ("margin", "margin_share"),
}
_NUMBERS = frozenset({"cost", "margin"})


@dataclass(frozen=True)
class OfferFacts:
    """One offer as the `offers` table has it.

    `cost` is money per conversion, `margin` the share of a basket that is earned (0–1); None where not known.
    """

    name: str | None = None
    kind: str | None = None
    channel: str | None = None
    description: str | None = None
    cost: float | None = None
    margin: float | None = None


def offer_facts(warehouse: Warehouse) -> dict[int, OfferFacts]:
    """Offer id → what is known about it; empty without an `offers` table that has whole numbers as ids."""
    warehouse = warehouse.whole  # offers are the same for every viewer, and their names are those of no person
    table = warehouse.ask(lambda connection: find_table(connection, _TABLE, warehouse.dialect.unreadable))
    if table is None:
        return {}
    columns = table.columns
    found = {
        part: columns[name]
        for part, names in _COLUMNS.items()
        if (name := next((name for name in names if name in columns), None)) is not None
    }
    if not isinstance(found["id"].type if "id" in found else None, sa.Integer):
        return {}
    read = {part: column for part, column in found.items() if part not in _NUMBERS or _is_number(column)}
    rows = warehouse.rows(sa.select(*(column.label(part) for part, column in read.items())))
    return {row["id"]: _facts(row) for row in rows if row["id"] is not None}


class OfferCatalog:
    """`offer_facts`, read again after `DWH_CATALOG_TTL_SECONDS` and when the warehouse's revision has changed."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._facts: TTLCache[int, dict[int, OfferFacts]] = TTLCache(1, warehouse.settings.dwh_catalog_ttl_seconds)
        self._lock = threading.Lock()

    def get(self) -> dict[int, OfferFacts]:
        """Offer id → what is known about it."""
        _ = self._warehouse.engine  # notices a replaced file, which changes the revision
        revision = self._warehouse.revision
        with holding(self._lock):
            facts = self._facts.get(revision)
            if facts is None:
                facts = offer_facts(self._warehouse)
                self._facts[revision] = facts
            return facts


def offer_names(warehouse: Warehouse) -> dict[int, str]:
    """Offer id → name from the warehouse's `offers` table; empty when there is none."""
    return names_in(offer_facts(warehouse))


def names_in(offers: dict[int, OfferFacts]) -> dict[int, str]:
    """Offer id → name, of those that have one; with the id where several offers share a name."""
    named = {offer_id: facts.name for offer_id, facts in offers.items() if facts.name and facts.name.strip()}
    times = Counter(named.values())
    return {offer_id: name if times[name] == 1 else f"{name} ({offer_id})" for offer_id, name in named.items()}


def offer_name(names: dict[int, str], offer_id: int) -> str:
    """The offer's name, or "Offer 3"."""
    return names.get(offer_id, f"Offer {offer_id}")


def _is_number(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.Numeric | sa.Float | sa.Integer)


def _facts(row: Row) -> OfferFacts:
    name, kind, channel, description = (_text(row.get(part)) for part in ("name", "kind", "channel", "description"))
    return OfferFacts(name, kind, channel, description, _number(row.get("cost")), _number(row.get("margin")))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    """None for a number that is not finite, from which no value can be computed."""
    return float(value) if value is not None and math.isfinite(value) else None
