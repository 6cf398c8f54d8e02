"""The tiny models, as scoring loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.ml.bundles import Bundle, load_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bundle(models_dir: Path) -> Bundle:
    return load_bundle(models_dir)
