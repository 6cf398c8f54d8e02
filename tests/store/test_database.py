import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from loyalty_core.errors import SettingsError, StateStoreUnavailable
from loyalty_core.store import StateStore, StoreHealth, audit, schema
from loyalty_core.store.audit import AuditEvent
from loyalty_core.store.schema import newest_revision
from tests.servers import PASSWORD
from tests.waiting import wait_until


def write_one(store: StateStore, subject: str = "7") -> None:
    with store.session() as session:
        audit.record(session, actor="ann", action="created", subject_kind="segment", subject_id=subject)


def subjects(store: StateStore) -> list[str]:
    with store.session(read_only=True) as session:
        return [event.subject_id for event in audit.recent(session)]


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[StateStore]:
    with StateStore(f"sqlite:///{tmp_path / 'app.db'}", timeout_seconds=0.2) as store:
        yield store


def test_migrate_makes_a_healthy_store_and_may_be_repeated(store: StateStore):
    store.migrate()
    health = store.health()
    assert (health.ok, health.remedy, health.revision) == (True, "", newest_revision())
    assert health.dialect == store.url.get_backend_name()


def test_a_session_commits(store: StateStore):
    write_one(store)
    assert subjects(store) == ["7"]


def test_a_session_rolls_back_on_an_exception(store: StateStore):
    with pytest.raises(KeyError), store.session() as session:
        audit.record(session, actor="ann", action="created", subject_kind="segment", subject_id="7")
        session.flush()
        raise KeyError
    assert subjects(store) == []


def test_objects_stay_readable_after_their_session(store: StateStore):
    with store.session() as session:
        event = audit.record(session, actor="ann", action="x", subject_kind="segment", subject_id="7")
    assert event.actor == "ann"
    assert event.id == 1


def test_a_read_only_session_refuses_to_write_and_leaves_no_trace_on_the_connection(store: StateStore):
    with pytest.raises(Exception, match=r"read-?only"), store.session(read_only=True) as session:
        session.execute(text("DELETE FROM audit_events"))
    write_one(store)
    assert subjects(store) == ["7"]


def test_a_session_on_a_connection_sees_its_temporary_tables(store: StateStore):
    with store.connection() as connection:
        for number in (1, 2):
            with store.session(on=connection) as session:
                session.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS staged (id INTEGER)"))
                session.execute(text("INSERT INTO staged VALUES (:id)"), {"id": number})
        with pytest.raises(KeyError), store.session(on=connection) as session:
            session.execute(text("DELETE FROM staged"))
            raise KeyError
        with store.session(on=connection) as session:
            assert session.scalars(text("SELECT id FROM staged ORDER BY id")).all() == [1, 2]
    with pytest.raises(StateStoreUnavailable), store.session() as session:
        session.execute(text("SELECT id FROM staged"))


def test_sessions_that_read_share_one_connection_within_a_block(store: StateStore):
    write_one(store, "1")
    with store.reading():
        with store.session(read_only=True) as session, store.session(read_only=True) as within:
            first = session.connection().connection.dbapi_connection
            assert within.connection().connection.dbapi_connection is not first
        write_one(store, "2")
        with store.session(read_only=True) as session:
            assert session.connection().connection.dbapi_connection is first
            assert len(audit.recent(session)) == 2
        with pytest.raises(KeyError), store.session(read_only=True):
            raise KeyError
        assert len(subjects(store)) == 2
    assert len(subjects(store)) == 2


def test_a_broken_constraint_is_no_outage(store: StateStore):
    with pytest.raises(IntegrityError), store.session() as session:
        session.add(AuditEvent(actor="ann"))


def test_sqlite_is_set_up_for_several_processes(sqlite_store: StateStore):
    sqlite_store.migrate()
    with sqlite_store.session() as session:
        pragmas = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 200}


def test_readers_continue_while_another_session_writes(sqlite_store: StateStore):
    sqlite_store.migrate()
    write_one(sqlite_store, "before")
    with sqlite_store.session() as writing:
        audit.record(writing, actor="ann", action="x", subject_kind="segment", subject_id="during")
        writing.flush()
        assert subjects(sqlite_store) == ["before"]
    assert subjects(sqlite_store) == ["during", "before"]


def test_a_lock_held_too_long_is_reported(sqlite_store: StateStore):
    sqlite_store.migrate()
    with sqlite_store.session() as session:
        audit.recent(session)
        with pytest.raises(StateStoreUnavailable, match="write lock"):
            write_one(sqlite_store)


def test_health_before_the_first_migration(store_url: str):
    with StateStore(store_url) as store:
        health = store.health()
    assert not health.ok
    assert health.revision is None
    assert "not been set up" in health.detail
    assert "Start the app once" in health.remedy


def test_health_does_not_create_a_file(sqlite_store: StateStore, tmp_path: Path):
    assert not sqlite_store.health().ok
    assert list(tmp_path.iterdir()) == []


def test_sessions_before_the_first_migration_make_no_file(sqlite_store: StateStore, tmp_path: Path):
    with pytest.raises(StateStoreUnavailable, match="does not exist"):
        write_one(sqlite_store)
    assert list(tmp_path.iterdir()) == []


def set_revision(store: StateStore, revision: str) -> None:
    """As another version of the app does, while this one runs."""
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_a_newer_database_is_left_alone(store: StateStore, caplog: pytest.LogCaptureFixture):
    write_one(store, "before")
    set_revision(store, "9999")
    with store.connection() as connection:
        uses = [
            lambda: write_one(store, "refused"),
            lambda: subjects(store),
            store.migrate,
            lambda: store.session(on=connection).__enter__(),
        ]
        for use in uses:
            with pytest.raises(StateStoreUnavailable, match=r"newer version.*9999.*Install the newer"):
                use()
    health = store.health()
    assert not health.ok
    assert "9999" in health.detail
    assert "Install the newer version" in health.remedy
    logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(logged) == 1
    assert "newer version" in logged[0]
    set_revision(store, newest_revision())
    assert subjects(store) == ["before"]
    write_one(store, "after")
    assert subjects(store) == ["after", "before"]


def test_tables_of_an_older_version_are_brought_up_to_date_by_the_next_session(store: StateStore):
    write_one(store, "before")
    for use in (lambda: write_one(store, "after"), lambda: subjects(store)):
        schema.downgrade(store.url, schema.revisions()[-2])
        use()
        assert store.health().revision == newest_revision()
    assert subjects(store) == ["after", "before"]


def test_a_migration_of_postgresql_waits_for_sessions_that_are_under_way(postgres_database: str):
    with StateStore(postgres_database) as store:
        store.migrate()
        migration = threading.Thread(target=schema.downgrade, args=[store.url, "base"])
        with store.session() as session:
            migration.start()
            waiting = text(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
                " WHERE datname = current_database())"
            )
            wait_until(lambda: session.scalar(waiting))
            audit.record(session, actor="ann", action="created", subject_kind="segment", subject_id="7")
        migration.join()
        with store.session(read_only=True) as session:
            assert audit.recent(session) == []  # the migrations were undone, then made again


def refused(url: str) -> StoreHealth:
    """What `migrate` and `health` both say of a database that cannot be used."""
    with StateStore(url, timeout_seconds=2) as store:
        with pytest.raises(StateStoreUnavailable) as outage:
            store.migrate()
        health = store.health()
    assert outage.value.remedy
    assert not health.ok
    if make_url(url).password:
        assert make_url(url).password not in f"{outage.value} {health}"
    return StoreHealth(False, str(outage.value), outage.value.remedy, health.url, None, health.dialect)


def test_a_damaged_file(tmp_path: Path):
    (tmp_path / "app.db").write_bytes(b"not a database at all, " * 100)
    assert "damaged" in refused(f"sqlite:///{tmp_path / 'app.db'}").detail


def test_a_folder_that_is_a_file(tmp_path: Path):
    (tmp_path / "state").write_text("")
    assert "cannot be opened for writing" in refused(f"sqlite:///{tmp_path / 'state' / 'app.db'}").detail


@pytest.fixture
def unwritable_folder() -> Iterator[Path]:
    """A folder with a store, which this process may read and not write; a process of root steps down meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        with StateStore(f"sqlite:///{folder}/old.db") as store:
            store.migrate()
        (Path(folder) / "old.db").chmod(0o444)
        Path(folder).chmod(0o555)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        yield Path(folder)
        os.seteuid(before)
        Path(folder).chmod(0o755)


def test_an_unwritable_folder(unwritable_folder: Path):
    assert "cannot be opened for writing" in refused(f"sqlite:///{unwritable_folder / 'app.db'}").detail
    assert "cannot be opened for writing" in refused(f"sqlite:///{unwritable_folder / 'new' / 'app.db'}").detail


def test_an_unwritable_file(unwritable_folder: Path):
    with StateStore(f"sqlite:///{unwritable_folder / 'old.db'}") as store:
        with pytest.raises(StateStoreUnavailable, match=r"cannot be opened for writing|read-only"):
            write_one(store)
        assert not store.health().ok


def test_a_wrong_password(postgres_url: str):
    url = make_url(postgres_url).set(password="not-the-password").render_as_string(hide_password=False)
    health = refused(url)
    assert "refused the user name or password" in health.detail
    assert ":***@" in health.url


def test_a_missing_database(postgres_url: str):
    url = make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    assert "no such database" in refused(url).detail


def test_a_host_that_is_down():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "does not answer" in refused(f"postgresql://ann:hush@127.0.0.1:{port}/app").detail


def test_a_host_that_accepts_and_stays_silent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert "does not answer" in refused(f"postgresql://ann:hush@127.0.0.1:{port}/app").detail


def test_an_unknown_host():
    assert "host name is not known" in refused("postgresql://ann:hush@no-such-host.invalid/app").detail


def test_health_never_shows_the_password(postgres_database: str):
    assert make_url(postgres_database).password == PASSWORD
    with StateStore(postgres_database) as store:
        assert PASSWORD not in str(store.health())


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("sqlite://", "needs a SQLite file"),
        ("sqlite:///:memory:", "needs a SQLite file"),
        ("sqlite:///file:app.db?uri=true", "needs a SQLite file"),
        ("duckdb:///app.duckdb", "runs on SQLite or PostgreSQL"),
        ("nonsense", "cannot be read"),
    ],
)
def test_urls_that_cannot_hold_state_are_refused(url: str, part: str):
    with pytest.raises(SettingsError, match=part):
        StateStore(url)
