"""Which warehouse the app reads, changed while it runs: files and databases that were connected in the app."""

from loyalty_core.connections.connection import Connection, ConnectionKind
from loyalty_core.connections.connections import Connections
from loyalty_core.connections.errors import ConnectionFixed, ConnectionInUse, UnknownConnection
from loyalty_core.connections.uploads import Upload, remove_old_uploads

__all__ = [
    "Connection",
    "ConnectionFixed",
    "ConnectionInUse",
    "ConnectionKind",
    "Connections",
    "UnknownConnection",
    "Upload",
    "remove_old_uploads",
]
