"""Backups: made while the app writes, restored while it runs, and made before every migration."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.store import BackupFailed, StateStore, schema
from loyalty_core.store.command import main
from tests.servers import PASSWORD
from tests.store.trail import subjects, subjects_in, write_one
from tests.workbench import Configure


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(file: Path) -> Iterator[StateStore]:
    with StateStore(f"sqlite:///{file}") as store:
        store.migrate()
        write_one(store, "old")
        yield store


@pytest.fixture
def run(configure: Configure, store: StateStore, capsys: pytest.CaptureFixture[str]):
    """Run the command on the store that is configured: exit code and output."""
    configure(state_database_url=store.url)

    def run(*arguments: object) -> tuple[int, str]:
        code = main([str(argument) for argument in arguments])
        return code, "".join(capsys.readouterr())

    return run


def test_a_backup_is_one_private_file_with_everything(store: StateStore, file: Path):
    backup = store.back_up()
    assert backup.parent == file.parent / "backups"
    assert list(backup.parent.iterdir()) == [backup]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700
    assert subjects_in(backup) == ["old"]


def test_a_backup_holds_what_is_committed_while_another_writes(store: StateStore):
    with store.session() as session:
        session.execute(text("UPDATE audit_events SET subject_id = 'changed'"))
        backup = store.back_up()
    assert subjects_in(backup) == ["old"]
    assert subjects(store) == ["changed"]


def test_a_backup_never_replaces_a_file(store: StateStore, tmp_path: Path):
    target = store.back_up(tmp_path / "copy.db")
    write_one(store, "new")
    with pytest.raises(BackupFailed, match=r"copy\.db already exists"):
        store.back_up(target)
    assert subjects_in(target) == ["old"]


def test_a_restore_shows_in_a_running_app_and_saves_what_was_there(store: StateStore, file: Path):
    backup = store.back_up()
    write_one(store, "undone")
    before = store.restore(backup)
    assert subjects(store) == subjects_in(file) == ["old"]
    assert before is not None
    assert subjects_in(before) == ["undone", "old"]
    store.restore(before)
    assert subjects(store) == ["undone", "old"]


def test_a_restore_waits_for_a_change_that_is_under_way(store: StateStore):
    backup = store.back_up()
    with store.session() as session:
        session.execute(text("UPDATE audit_events SET subject_id = 'changed'"))
        restoring = threading.Thread(target=store.restore, args=[backup])
        restoring.start()
    restoring.join()
    assert subjects(store) == ["old"]


@pytest.mark.parametrize("damage", ["removed", "header", "middle"])
def test_a_restore_repairs(store: StateStore, file: Path, damage: str):
    backup = store.back_up()
    match damage:
        case "removed":
            file.unlink()
        case "header":
            file.write_bytes(b"not a database at all, " * 100)
        case "middle":
            content = bytearray(file.read_bytes())
            content[4096:-4096] = bytes(len(content) - 8192)
            file.write_bytes(content)
    before = store.restore(backup)
    assert (before is None) == (damage == "removed")
    assert store.health().ok
    assert subjects(store) == subjects_in(file) == ["old"]
    store.examine()


def test_what_is_no_sound_backup_is_refused_and_changes_nothing(store: StateStore, tmp_path: Path):
    cut = tmp_path / "cut.db"
    cut.write_bytes(store.back_up().read_bytes()[:-20_000])
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
    for name, reason in [("cut.db", "cannot be used"), ("other.db", "no state store"), ("missing.db", "no file")]:
        with pytest.raises(BackupFailed, match=reason):
            store.restore(tmp_path / name)
    assert subjects(store) == ["old"]


def test_a_backup_of_a_newer_version_is_refused(store: StateStore):
    backup = store.back_up()
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    write_one(store, "new")
    with pytest.raises(StateStoreUnavailable, match="newer version"):
        store.restore(backup)
    assert subjects(store) == ["new", "old"]


def test_before_a_migration_the_store_is_backed_up(store: StateStore, file: Path):
    assert not (file.parent / "backups").exists()  # there was nothing to save at first
    schema.downgrade(store.url, schema.revisions()[-2])
    store.migrate()
    (backup,) = (file.parent / "backups").iterdir()
    assert f"revision-{schema.revisions()[-2]}-" in backup.name
    assert subjects_in(backup) == subjects(store) == ["old"]
    store.migrate()
    assert list((file.parent / "backups").iterdir()) == [backup]


def test_a_migration_that_cannot_be_backed_up_changes_nothing(store: StateStore, file: Path):
    older = schema.revisions()[-2]
    schema.downgrade(store.url, older)
    (file.parent / "backups").write_text("in the way")
    with pytest.raises(StateStoreUnavailable, match=r"backed up first.*could not be written"):
        store.migrate()
    with StateStore(str(store.url)) as other:
        assert other.health().revision == older


def test_an_older_backup_is_brought_up_to_date(store: StateStore):
    schema.downgrade(store.url, schema.revisions()[-2])
    backup = store.back_up()
    store.migrate()
    store.restore(backup)
    assert store.health().revision == schema.newest_revision()
    assert subjects(store) == ["old"]


def test_the_command_backs_up_restores_and_checks(store: StateStore, run, tmp_path: Path, file: Path):
    copy = tmp_path / "copy.db"
    assert run("backup", copy) == (0, f"Backed up to {copy}.\n")
    assert run("backup", copy)[0] == 1
    write_one(store, "new")
    code, output = run("restore", copy)
    assert (code, output.partition("\n")[0]) == (0, f"Restored {copy}.")
    assert "What the store held before is in" in output
    assert subjects(store) == [str(copy), "old"]  # the restore itself is an event
    code, output = run("check")
    assert (code, output) == (0, f"sqlite:///{file} is sound; its tables are at revision {schema.newest_revision()}.\n")
    file.write_bytes(b"not a database at all, " * 100)
    code, output = run("check")
    assert code == 1
    assert "restore FILE" in output


def test_a_check_reads_everything(store: StateStore, run, file: Path):
    content = bytearray(file.read_bytes())
    content[-6000:] = bytes(range(250)) * 24
    file.write_bytes(content)
    code, output = run("check")
    assert code == 1
    assert "damaged" in output


def test_for_postgresql_the_command_names_the_tools(postgres_database: str, run, configure: Configure):
    configure(state_database_url=postgres_database)
    code, output = run("backup", "state.dump")
    assert code == 1
    assert "pg_dump --format=custom --file=state.dump postgresql://loyalty@127.0.0.1" in output
    code, output = run("restore", "state.dump")
    assert code == 1
    assert "pg_restore --clean" in output
    assert PASSWORD not in output
