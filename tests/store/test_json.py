"""JSON in the state store: fast, and with everything that the standard library can write."""

import json
from datetime import UTC, datetime

import pytest

from loyalty_core.store.dialects import WrittenJson
from loyalty_core.store.dialects.base import read_json, write_json


def test_values_are_written_as_the_standard_library_reads_them():
    value = {"text": "Ærø", "none": None, "numbers": [1, 0.1, 2**70], "lone": "\ud800"}
    assert json.loads(write_json(value)) == read_json(write_json(value)) == value
    assert json.loads(write_json({1: "one", "not a number": float("nan")})) == {"1": "one", "not a number": None}


def test_what_is_not_json_is_refused():
    with pytest.raises(TypeError):
        write_json({"at": datetime.now(UTC)})


@pytest.mark.parametrize("text", ["Ærø", "\ud800"])
@pytest.mark.parametrize("other", ["Ærø", "\ud800", 2**70])
def test_what_is_written_already_is_part_of_other_values(text: str, other: object):
    written = WrittenJson.of({"text": text})
    assert read_json(write_json([written, {"other": other}, written])) == [
        {"text": text},
        {"other": other},
        {"text": text},
    ]
