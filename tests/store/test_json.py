"""JSON in the state store: fast, and with everything that the standard library can write."""

import json
from datetime import UTC, datetime

import pytest

from loyalty_core.events.effects import Step
from loyalty_core.store.dialects.base import read_json, write_json, written_json


def test_values_are_written_as_the_standard_library_reads_them():
    value = {"text": "Ærø", "none": None, "numbers": [1, 0.1, 2**70], "lone": "\ud800"}
    assert json.loads(write_json(value)) == read_json(write_json(value)) == value
    assert json.loads(write_json({1: "one", "not a number": float("nan")})) == {"1": "one", "not a number": None}


def test_what_is_not_json_is_refused():
    with pytest.raises(TypeError):
        write_json({"at": datetime.now(UTC)})


@pytest.mark.parametrize("text", ["Ærø", "\ud800"])
def test_dataclasses_that_are_written_already_become_objects(text: str):
    written = write_json([written_json([Step("Read", 1.5, {"text": text})])])
    assert read_json(written) == [
        [{"name": "Read", "milliseconds": 1.5, "input": {"text": text}, "output": {}, "note": ""}]
    ]
