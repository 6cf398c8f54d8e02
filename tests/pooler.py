"""A real PgBouncer in front of the tests' PostgreSQL: Debian's, since no wheel brings one."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy.engine import make_url

from tests.servers import PASSWORD, USER, ServerMissing, ServerProcess, free_port, unprivileged_account

if TYPE_CHECKING:
    from tests.servers import PostgresServer

# Debian installs it where only root's PATH leads.
_FOLDERS = f"{os.environ.get('PATH', '')}:/usr/sbin"

_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users.txt
pool_mode = {pool_mode}
ignore_startup_parameters = {ignored}
default_pool_size = {sessions}
"""


class PgBouncer:
    """Pools the sessions of a PostgreSQL; `sessions` is how many it opens for each database."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.port = free_port()

    def start(self, pool_mode: str, *, ignored: str, sessions: int) -> None:
        program = shutil.which("pgbouncer", path=_FOLDERS)
        if program is None:
            raise ServerMissing("pgbouncer is not installed (apt-get install pgbouncer)")
        account = unprivileged_account()
        folder = Path(tempfile.mkdtemp(prefix="loyalty-pgbouncer-"))
        (folder / "users.txt").write_text(f'"{USER}" "{PASSWORD}"\n')
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            _CONFIGURATION.format(
                server_port=self._server.port,
                port=self.port,
                folder=folder,
                pool_mode=pool_mode,
                ignored=ignored,
                sessions=sessions,
            )
        )
        if account:
            os.chown(folder, account["user"], account["group"])
        self._process = ServerProcess(
            [program, str(configuration)], folder=folder, stop_signal=signal.SIGTERM, **account
        )
        self._process.wait_until(self._answers)

    def stop(self) -> None:
        self._process.stop()

    def url(self, database_url: str) -> str:
        """The URL of a database of the server, by way of the pooler."""
        return make_url(database_url).set(port=self.port).render_as_string(hide_password=False)

    def _answers(self) -> bool:
        address = {"host": "127.0.0.1", "port": self.port, "dbname": "postgres", "connect_timeout": 5}
        try:
            psycopg.connect(**address, user=USER, password=PASSWORD).close()
        except psycopg.OperationalError:
            return False
        return True
