"""docs/api-reference.md is what the OpenAPI description says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from loyalty_core.api.reference import write_reference
from tests.workbench import ROOT

if TYPE_CHECKING:
    from fastapi import FastAPI

REFERENCE = ROOT / "docs" / "api-reference.md"


@pytest.fixture(scope="module")
def written(api_of_all: FastAPI) -> str:
    return write_reference(api_of_all.openapi())


def test_the_reference_is_up_to_date(written: str):
    assert REFERENCE.read_text(encoding="utf-8") == written, "run make api-reference"


def test_every_link_leads_to_a_type(written: str):
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", written, re.MULTILINE)}
    assert set(re.findall(r"\]\(#(\w+)\)", written)) <= headings


def test_types_are_in_words():
    parameter = {"name": "limit", "in": "query", "required": False, "schema": {"type": "integer", "default": 50}}
    values = {"type": "object", "additionalProperties": {"anyOf": [{"type": "number"}, {"type": "null"}]}}
    operation = {
        "tags": ["Jobs"], "description": "All jobs.", "parameters": [parameter], "x-required-actions": ["view"],
        "responses": {"200": {"content": {"application/json": {"schema": values, "example": {"a": 1.5}}}}},
    }  # fmt: skip
    text = write_reference(
        {
            "tags": [{"name": "Jobs", "description": "Work."}, {"name": "Health", "description": "None of these."}],
            "paths": {"/jobs/": {"get": operation}},
            "components": {"schemas": {"Job_A_": {"properties": {"at": {"type": "string", "format": "date-time"}}}}},
        }
    )
    assert "### `GET jobs/`\n\nAll jobs.\n\nNeeds the right to look at screens and figures.\n" in text
    assert "| `limit` | query | integer | by default `50` |\n" in text
    assert 'Answer: 200, object of (number or null) by key\n\n```json\n{"a": 1.5}\n```\n' in text
    assert "### JobA\n\n| key | type | |\n|---|---|---|\n| `at` | string (date-time) | may be left out |\n" in text
    assert "Health" not in text
