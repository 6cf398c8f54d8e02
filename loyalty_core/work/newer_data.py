"""A file with newer data of the customers in use: models, predictions and segment sizes made before stay in use.

`record_identity` compares a new warehouse with the file that it replaces. In the browser every file becomes a warehouse
in a folder of its own, so the one in use is put in its place first, and what was made on it is copied afterwards.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from loyalty_core.connections.connection import MODELS, PREDICTIONS
from loyalty_core.errors import LoyaltyError
from loyalty_core.loading import read_source
from loyalty_core.ml.bundles import BundleError, read_active, read_manifest, version_folder
from loyalty_core.settings import predictions_file
from loyalty_core.warehouse.identity import IDENTITY_KEY, loader_facts
from loyalty_core.warehouse.mapping import resolve_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Self

    from loyalty_core.loading.feature_suggestion import Suggestion
    from loyalty_core.services import Services


@dataclass(frozen=True)
class FormerData:
    """The embedded warehouse in use, with the models and predictions that belong to it.

    `identity` is what its loader recorded, "" where it was made by another program.
    """

    file: Path
    identity: str
    models: Path
    predictions: Path
    mapping: Mapping[str, str | list[str]]

    @classmethod
    def of(cls, services: Services) -> Self | None:
        """None where the data in use is on a server, or cannot be read."""
        settings, warehouse = services.settings, services.warehouse
        file = warehouse.dialect.file_of(warehouse.url)
        if file is None:
            return None
        try:
            facts = loader_facts(warehouse)
        except LoyaltyError:
            return None
        return cls(
            file,
            facts.get(IDENTITY_KEY, ""),
            settings.models_dir,
            predictions_file(settings, file),
            settings.ml_feature_mapping,
        )

    @property
    def learned_from(self) -> str | None:
        """The data that the active version learned from, by its name; None without a version that can be read."""
        try:
            active = read_active(self.models)
            if active is None:
                return None
            manifest, _ = read_manifest(version_folder(self.models, active.version))
        except BundleError:
            return None
        return manifest.get("trained_on")

    def put_in_place(self, out: Path) -> None:
        """Have the load replace a copy of this file, with which it compares the new data."""
        try:
            os.link(self.file.resolve(), out)  # at once, whatever its size
        except OSError:
            shutil.copyfile(self.file, out)

    def is_continued_by(self, out: Path, suggestion: Suggestion | None) -> bool:
        """Whether the loaded file has newer data of the same customers, with every column that the models read."""
        with duckdb.connect(out, read_only=True) as new:
            columns = new.table("customer_features_view").columns
            identity = read_source(new).get(IDENTITY_KEY)
        read = {one.column for one in resolve_mapping(self.mapping, columns)}
        gives_away = {one.column for one in suggestion.left_out if one.is_certain} if suggestion else set()
        return bool(self.identity) and identity == self.identity and None not in read and read.isdisjoint(gives_away)

    def copy_to(self, folder: Path) -> None:
        """Copy models and predictions to the folder of a connection."""
        if self.models.is_dir():
            shutil.copytree(self.models, folder / MODELS)
        versions = self.predictions.parent.glob(f"{self.predictions.stem}.*parquet")
        for file in versions if self.predictions.name == PREDICTIONS else ():
            shutil.copy2(file, folder / file.name, follow_symlinks=False)
