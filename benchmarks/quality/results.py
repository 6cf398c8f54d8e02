"""Figures of earlier runs in a file, a line of JSON each, so that a long benchmark can go on where it stopped."""

import json
from pathlib import Path
from typing import Any


def read_results(results: Path | None) -> list[dict[str, Any]]:
    if results is None or not results.exists():
        return []
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


def append_result(results: Path | None, one: dict[str, Any]) -> None:
    if results is not None:
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(one) + "\n")
