"""Names of offers, for people."""

import sqlalchemy as sa

from loyalty_core.warehouse import Warehouse

_TABLE = "offers"
_ID_COLUMNS = ("offer_id", "id")
_NAME_COLUMNS = ("name", "offer_name", "title")


def offer_names(warehouse: Warehouse) -> dict[int, str]:
    """Offer id → name from the warehouse's `offers` table; empty when there is none."""
    if not sa.inspect(warehouse.engine).has_table(_TABLE):
        return {}
    columns = warehouse.table(_TABLE).columns
    identifier = next((columns[name] for name in _ID_COLUMNS if name in columns), None)
    name = next((columns[name] for name in _NAME_COLUMNS if name in columns), None)
    if identifier is None or name is None or not isinstance(identifier.type, sa.Integer):
        return {}
    rows = warehouse.rows(sa.select(identifier.label("id"), name.label("name")).where(name.is_not(None)))
    return {row["id"]: str(row["name"]) for row in rows}


def offer_name(names: dict[int, str], offer_id: int) -> str:
    """The offer's name, or "Offer 3"."""
    return names.get(offer_id, f"Offer {offer_id}")
