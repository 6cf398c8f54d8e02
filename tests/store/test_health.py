"""The check of the store finds out what a save would meet."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.store import StateStore, audit
from loyalty_core.store.checks import StoreCheckRecord
from tests.small_disk import SmallDisk
from tests.store.trail import subjects, write_one


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[StateStore]:
    with StateStore(f"sqlite:///{tmp_path / 'app.db'}", timeout_seconds=0.2) as store:
        store.migrate()
        yield store


def test_a_check_writes_one_row(store: StateStore):
    for _ in range(3):
        assert store.health().ok
    with store.session(read_only=True) as session:
        [check] = session.scalars(select(StoreCheckRecord))
    assert check.id == 1


def test_checks_at_the_same_time(store: StateStore):
    """The first of them adds the row that the others change, and no check takes the time of another one for a loss."""
    checks = 12
    start = Barrier(checks)

    def check(_number: int) -> str:
        start.wait()
        return store.health().detail

    with ThreadPoolExecutor(checks) as executor:
        details = set(executor.map(check, range(checks)))
    assert details == {"The state store can be read and written."}


def test_a_full_disk(small_disk: SmallDisk):
    with StateStore(f"sqlite:///{small_disk.folder / 'app.db'}") as store:
        store.migrate()
        small_disk.fill(leaving=0)
        health = store.health()
        assert not health.ok
        assert "disk is full" in health.detail.lower()
        small_disk.empty()
        assert store.health().ok


def test_a_lock_that_another_program_holds(sqlite_store: StateStore):
    with StateStore(str(sqlite_store.url)) as other, other.session() as session:
        audit.recent(session)
        health = sqlite_store.health()
        assert not health.ok
        assert "write lock" in health.detail
    assert sqlite_store.health().ok


def test_a_file_that_is_damaged_in_the_middle(sqlite_store: StateStore, tmp_path: Path):
    file = tmp_path / "app.db"
    sound = file.read_bytes()
    file.write_bytes(sound[:4096] + bytes(len(sound) - 8192) + sound[-4096:])
    health = sqlite_store.health()
    assert not health.ok
    assert "damaged" in health.detail
    assert "restore" in health.remedy
    file.write_bytes(sound)
    assert sqlite_store.health().ok


def test_an_account_that_may_only_read(postgres_database: str):
    url = make_url(postgres_database)
    reader = f"reader_{url.database}"
    with StateStore(postgres_database) as store:
        store.migrate()
        with store.engine.begin() as connection:
            connection.execute(text(f"CREATE ROLE {reader} LOGIN PASSWORD 'hush'"))
            connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"))
        with StateStore(url.set(username=reader, password="hush").render_as_string(hide_password=False)) as reading:
            assert subjects(reading) == []
            health = reading.health()
        assert not health.ok
        assert "lacks a right" in health.detail
        with store.engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {reader}"))
            connection.execute(text(f"DROP ROLE {reader}"))


def test_a_migration_that_failed_is_made_by_the_next_use(tmp_path: Path):
    blocked = tmp_path / "state"
    blocked.write_text("a file where a folder should be")
    with StateStore(f"sqlite:///{blocked / 'app.db'}") as store:
        with pytest.raises(StateStoreUnavailable, match="cannot be opened"):
            store.migrate()
        assert "cannot be opened" in store.health().detail
        blocked.unlink()
        write_one(store, "7")
        assert subjects(store) == ["7"]
        assert store.health().ok
