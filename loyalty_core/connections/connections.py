"""Connections: which warehouse the app reads, and the ones that it read before."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from loyalty_core.access import Action, current_viewer, require
from loyalty_core.connections.connection import Connection, ConnectionKind, read_connections, write_connection
from loyalty_core.connections.errors import ConnectionFixed, ConnectionInUse, UnknownConnection
from loyalty_core.errors import SettingsError
from loyalty_core.files import make_private_folder, remedy_for, replace_file
from loyalty_core.settings import CONNECTIONS_FOLDER, chosen_file, read_chosen, set_by_the_user, settings_of
from loyalty_core.store import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from loyalty_core.store import StateStore

SUBJECT_KIND = "connection"
DEFAULT = "default"
"""The name of the default warehouse in the audit trail."""


class Connections:
    """The warehouses that were connected in the app; whoever reads or changes them needs CONNECT_DATA.

    The choice is one small file, which replaces the former one in a single step; nothing else is changed or removed, so
    the former data can be used again with its models and predictions. `on_change` is called after a change.
    """

    def __init__(self, store: StateStore, on_change: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._on_change = on_change

    @property
    def is_fixed(self) -> bool:
        """Whether a setting names the warehouse, so that nothing that is connected here is read."""
        return "dwh_url" in set_by_the_user()

    def all(self) -> list[Connection]:
        """Newest first; the default warehouse is not among them."""
        require(Action.CONNECT_DATA)
        return read_connections()

    def get(self, identifier: str) -> Connection:
        """Raises `UnknownConnection`."""
        found = next((one for one in self.all() if one.id == identifier), None)
        if found is None:
            raise UnknownConnection(identifier)
        return found

    def current(self) -> Connection | None:
        """What the app reads; None for the default warehouse, and for the one that a setting names."""
        identifier = None if self.is_fixed else read_chosen().get("id")
        return next((one for one in self.all() if one.id == identifier), None)

    def can_undo(self) -> bool:
        """Whether something else was read before."""
        chosen = read_chosen()
        known = {None, *(one.id for one in self.all())}
        return not self.is_fixed and "former" in chosen and chosen["former"] in known

    def former(self) -> Connection | None:
        """What was read before the present data; None for the default warehouse."""
        identifier = read_chosen().get("former")
        return next((one for one in self.all() if one.id == identifier), None)

    def undo(self) -> None:
        """Use what was read before; once more returns to the present data."""
        former = self.former()
        self.use(former.id if former else None)

    def add(self, folder: Path, title: str, kind: ConnectionKind, settings: Mapping[str, Any]) -> Connection:
        """Save a connection whose files are in `folder`, and use it. Raises `ConnectionFixed`."""
        viewer = require(Action.CONNECT_DATA)
        self._require_free()
        connection = write_connection(folder, title, kind, viewer.id, settings)
        self.use(connection.id)
        return connection

    def use(self, identifier: str | None) -> None:
        """Have the app read this connection, or the default warehouse; in other processes within seconds.

        Raises `UnknownConnection`, `ConnectionFixed` where a setting names the warehouse, and `SettingsError` where the
        password's environment variable is not set.
        """
        require(Action.CONNECT_DATA)
        self._require_free()
        chosen = self.get(identifier) if identifier else None
        if chosen:
            settings_of(chosen.id)  # refuses what the app could not start with
        before = read_chosen().get("id")
        if before == identifier:
            return
        with self._store.session() as session:
            details = {"title": chosen.title, "kind": chosen.kind} if chosen else {}
            details["before"] = before or DEFAULT
            audit.record(
                session,
                action="connected",
                subject_kind=SUBJECT_KIND,
                subject_id=identifier or DEFAULT,
                details=details,
            )
            session.flush()
            _write_choice(identifier, before)
        self._on_change()

    def remove(self, identifier: str) -> None:
        """Delete a connection with its warehouse file, models and predictions; raises `ConnectionInUse`."""
        require(Action.CONNECT_DATA)
        connection = self.get(identifier)
        if read_chosen().get("id") == identifier:
            raise ConnectionInUse(connection.title)
        with self._store.session() as session:
            audit.record(
                session,
                action="removed",
                subject_kind=SUBJECT_KIND,
                subject_id=identifier,
                details={"title": connection.title},
            )
        shutil.rmtree(connection.folder, ignore_errors=True)

    def _require_free(self) -> None:
        if self.is_fixed:
            raise ConnectionFixed


def _write_choice(identifier: str | None, former: str | None) -> None:
    viewer = current_viewer()
    content = {"id": identifier, "former": former, "chosen_by": viewer.id}
    try:
        make_private_folder(CONNECTIONS_FOLDER)
        replace_file(chosen_file(), json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        raise SettingsError(
            f"{chosen_file()} could not be written: {error.strerror}.", remedy=remedy_for(error)
        ) from error
