"""Files that were dropped in the browser, saved until they have become a warehouse."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from loyalty_core.access import Action, require
from loyalty_core.errors import DataError, SettingsError
from loyalty_core.files import make_private_file, make_private_folder, remedy_for

UPLOADS_FOLDER = Path("data/uploads")
_KEPT_SECONDS = 24 * 3600
_MAX_NAME = 100


@dataclass(frozen=True)
class Upload:
    """A saved file; `id` names its folder."""

    id: str
    file: Path

    @classmethod
    def save(cls, name: str, content: bytes | memoryview) -> Upload:
        """Save a file under its own name, for this account alone. Raises `SettingsError` where the disk refuses."""
        require(Action.CONNECT_DATA)
        # No path, and nothing that a shell or a terminal could take for something else.
        plain = re.sub(r"[^\w. ()+-]", "_", Path(name.replace("\\", "/")).name).lstrip(".-")[-_MAX_NAME:] or "file"
        folder = UPLOADS_FOLDER / secrets.token_hex(8)
        file = folder / plain
        try:
            make_private_folder(folder)
            make_private_file(file)
            file.write_bytes(content)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise SettingsError(f"{plain} could not be saved: {error.strerror}.", remedy=remedy_for(error)) from error
        return cls(folder.name, file)

    @classmethod
    def find(cls, identifier: str) -> Upload:
        """Raises `DataError` where it has been removed."""
        folder = UPLOADS_FOLDER / Path(identifier).name
        file = next(iter(folder.glob("*")), None) if identifier else None
        if file is None:
            raise DataError("The file is no longer here.", remedy="Drop it again.")
        return cls(folder.name, file)

    def remove(self) -> None:
        """Delete the file."""
        shutil.rmtree(self.file.parent, ignore_errors=True)


def remove_old_uploads() -> None:
    """Remove files that nobody loaded within a day."""
    for folder in UPLOADS_FOLDER.glob("*"):
        if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
