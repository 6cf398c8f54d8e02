"""Random sequences of what happens to the file of a store, against a model of what must be in it."""

import random
import shutil
from pathlib import Path

import pytest

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.store import BackupFailed, StateStore, schema
from tests.store.trail import subjects, write_one

pytestmark = pytest.mark.extended

STEPS = 8
QUICK, ALL = 40, 200
SEEDS = [*range(QUICK), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(QUICK, ALL))]


class Life:
    """A file used by an app and a job; `content` are the changes it must hold, newest first, None where unusable."""

    def __init__(self, folder: Path, migrated_file: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.file = folder / "state.db"
        shutil.copyfile(migrated_file, self.file)
        self.content: list[str] | None = []
        self.backups: list[tuple[Path, list[str]]] = []
        self.changes = 0
        self.app, self.job = (StateStore(f"sqlite:///{self.file}") for _ in range(2))

    def save(self) -> None:
        self.changes += 1
        change = f"change {self.changes}"
        store = self.chance.choice([self.app, self.job])
        if self.content is None:
            with pytest.raises(StateStoreUnavailable):
                write_one(store, change)
        else:
            write_one(store, change)
            self.content = [change, *self.content]

    def back_up(self) -> None:
        if self.content is None:
            with pytest.raises(BackupFailed):
                self.app.back_up()
        else:
            self.backups.append((self.app.back_up(), self.content))

    def restore(self) -> None:
        if self.backups:
            backup, self.content = self.chance.choice(self.backups)
            self.job.restore(backup)

    def replace(self) -> None:
        """As `cp` or `mv` does."""
        if self.backups:
            backup, self.content = self.chance.choice(self.backups)
            copied = self.folder / "copied.db"
            shutil.copyfile(backup, copied)
            self.chance.choice([shutil.copyfile, Path.replace])(copied, self.file)

    def delete(self) -> None:
        self.file.unlink(missing_ok=True)
        self.content = None

    def damage(self) -> None:
        if self.file.exists():
            with self.file.open("r+b") as file:
                file.write(bytes(self.chance.randrange(100, 5000)))
            self.content = None

    def restart(self) -> None:
        """Of the app; only this makes an empty store where there is no file."""
        self.app.close()
        self.app = StateStore(f"sqlite:///{self.file}")
        if self.file.exists() and self.content is None:
            with pytest.raises(StateStoreUnavailable):
                self.app.migrate()
        else:
            self.app.migrate()
            self.content = self.content or []

    def migrate(self) -> None:
        """From the version before."""
        if self.content is not None:
            schema.downgrade(self.app.url, schema.revisions()[-2])
            self.app.migrate()

    def check(self) -> None:
        for store in (self.app, self.job):
            assert store.health().ok == (self.content is not None)
            if self.content is None:
                with pytest.raises(StateStoreUnavailable):
                    subjects(store)
            else:
                assert subjects(store) == self.content


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_acknowledged_is_missing(tmp_path: Path, migrated_file: Path, seed: int):
    life = Life(tmp_path, migrated_file, random.Random(seed))
    often = [life.save, life.save, life.save, life.back_up]
    seldom = [life.restore, life.replace, life.delete, life.damage, life.restart, life.migrate]
    for _ in range(STEPS):
        life.chance.choice(life.chance.choice([often, seldom]))()
        life.check()
