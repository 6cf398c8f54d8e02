"""Which data a warehouse holds, so that what was derived from other data is not taken for this data's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from loyalty_core.warehouse.connection import Warehouse

# The table and the key under which a loader records an identity that stays with the file.
INFO_TABLE, IDENTITY_KEY = "warehouse_info", "identity"


@dataclass(frozen=True)
class DataIdentity:
    """`warehouse` stays while data of the same customers is added, `state` changes with it.

    `state` is blank where it is costly to determine, as on servers. `is_recorded` says whether a loader recorded the
    identity in an embedded file, `is_mock` whether predictions are mock ones.
    """

    warehouse: str
    state: str = ""
    is_recorded: bool = False
    is_mock: bool = False

    @property
    def key(self) -> str:
        """The key under which figures derived from this data are stored, with mock predictions or with real ones."""
        return f"{self.warehouse}-mock" if self.is_mock else self.warehouse

    def owns(self, key: str | None) -> bool:
        """Whether figures stored under `key` were derived from this data.

        None is what was stored before identities were: it counts as this data's, unless this data was loaded by a
        loader that records identities and so is newer, or predictions are mock ones.
        """
        return key == self.key if key is not None else not self.is_recorded and not self.is_mock


# Owns no figures.
NO_DATA = DataIdentity("", is_recorded=True)


def identify(warehouse: Warehouse, state: object) -> DataIdentity:
    """The identity of the data that the features view shows; `state` is anything that changes with an embedded file.

    An embedded file is identified by what its loader recorded, wherever the file is. Without that, by its path and the
    names of its columns; a server by its address, database and schema. The view and the id column are part of it too.
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
    facts = (place, view.fullname, warehouse.customer_id.name)
    return DataIdentity(
        _short(facts),
        _short(state) if file is not None else "",
        is_recorded=bool(recorded),
        is_mock=warehouse.settings.ml_mock_mode,
    )


def loader_facts(warehouse: Warehouse) -> dict[str, str]:
    """What the loader of an embedded warehouse recorded, as texts; empty for any other warehouse."""
    if warehouse.dialect.file_of(warehouse.url) is None:
        return {}
    try:
        table = warehouse.table(INFO_TABLE)
    except LoyaltyError:
        return {}
    if not {"key", "value"} <= set(table.columns.keys()):
        return {}
    return {row["key"]: row["value"] for row in warehouse.rows(table.select())}


def _short(facts: object) -> str:
    return hashlib.blake2s(repr(facts).encode(), digest_size=8).hexdigest()
