"""Which data a warehouse holds, so that figures derived from other data are never shown for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from loyalty_core.errors import LoyaltyError, ViewUnusable

if TYPE_CHECKING:
    from loyalty_core.warehouse.connection import Warehouse

# Where a loader records the identity inside an embedded file.
INFO_TABLE, IDENTITY_KEY = "warehouse_info", "identity"


# What the loader recorded, with the warehouse's revision at which it was read.
_facts: WeakKeyDictionary[Warehouse, tuple[int, dict[str, str]]] = WeakKeyDictionary()


@dataclass(frozen=True)
class DataIdentity:
    """`warehouse` stays the same while data of the same customers is added; `state` changes with every change.

    `state` is blank where finding it is costly, as on servers. `is_recorded` says whether a loader recorded the
    identity in an embedded file, `is_mock` whether the predictions are mock ones.
    """

    warehouse: str
    state: str = ""
    is_recorded: bool = False
    is_mock: bool = False

    @property
    def key(self) -> str:
        """The key that figures derived from this data are stored with; mock predictions have a key of their own."""
        return f"{self.warehouse}-mock" if self.is_mock else self.warehouse

    def owns(self, key: str | None) -> bool:
        """Whether figures stored with `key` were derived from this data.

        None is the key of figures stored before there were identities. They count as this data's, unless a loader
        recorded an identity, so that the data must be newer, or the predictions are mock ones.
        """
        return key == self.key if key is not None else not self.is_recorded and not self.is_mock

    def has_changed_since(self, state: str | None) -> bool:
        """Whether the data has changed since it was in that state; False where either state is unknown."""
        return bool(state and self.state) and state != self.state


# The identity of no data at all: it owns no figures.
NO_DATA = DataIdentity("", is_recorded=True)


def identify(warehouse: Warehouse, state: object) -> DataIdentity:
    """The identity of the data in the features view; `state` is anything that changes when an embedded file does.

    An embedded file is identified by what its loader recorded, wherever the file is; without a record, by its path and
    column names. A server is identified by its address, database and schema. The names of the view and of the id
    column are part of every identity.
    """
    view, file = warehouse.features, warehouse.dialect.file_of(warehouse.url)
    recorded = loader_facts(warehouse).get(IDENTITY_KEY, "")
    if recorded:
        place: object = recorded
    elif file is not None:
        place = (str(file.resolve()), sorted(view.columns.keys()))
    else:
        url = warehouse.url
        schema = view.schema or warehouse.engine.dialect.default_schema_name
        place = (url.get_backend_name(), url.host, url.port, url.database, schema)
    facts = (place, str(view), warehouse.customer_id.name)
    return DataIdentity(
        _short(facts),
        _short(state) if file is not None else "",
        is_recorded=bool(recorded),
        is_mock=warehouse.settings.ml_mock_mode,
    )


def loader_facts(warehouse: Warehouse) -> dict[str, str]:
    """The facts that the loader of an embedded warehouse recorded, as texts; empty for any other warehouse.

    They are read once from each file.
    """
    whole = warehouse.whole
    if whole.dialect.file_of(whole.url) is None:
        return {}
    _ = whole.engine  # notices a replaced file
    revision = whole.revision
    known = _facts.get(whole)
    if known is not None and known[0] == revision:
        return known[1]
    facts: dict[str, str] = {}
    try:
        table = whole.table(INFO_TABLE)
    except ViewUnusable:
        table = None  # as in most files: known until the file is another one
    except LoyaltyError:
        return {}
    if table is not None and {"key", "value"} <= set(table.columns.keys()):
        facts = {row["key"]: row["value"] for row in whole.rows(table.select())}
    _facts[whole] = revision, facts
    return facts


def _short(facts: object) -> str:
    return hashlib.blake2s(repr(facts).encode(), digest_size=8).hexdigest()
