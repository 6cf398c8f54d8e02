"""The API reference as Markdown, from the OpenAPI description: `make api-reference` writes docs/api-reference.md."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loyalty_core.access import Action
from loyalty_core.api import create_api
from loyalty_core.api.description import REQUIRED_ACTIONS

_WIDTH = 110
_HEAD = """\
# API reference

Every operation of the HTTP API under `/api/loyalty/v1/`, with an example of its request and its answer.
[api.md](api.md) explains how they are used.

This page is generated from the OpenAPI description: change the routes, then run `make api-reference`.
"""

Schema = Mapping[str, Any]

# A limit beyond it is only there to keep numbers within what is stored.
_UNLIMITED = 100_000_000


def write_reference(description: Schema) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_operations(description), *_schemas(description["components"]["schemas"])]) + "\n"


def _operations(description: Schema) -> Iterator[str]:
    for tag in description["tags"]:
        found = [
            (path, method, operation)
            for path, item in description["paths"].items()
            for method, operation in item.items()
            if operation["tags"] == [tag["name"]]
        ]
        if found:
            yield f"## {tag['name']}\n\n{tag['description']}\n"
        for path, method, operation in found:
            yield from _operation(path, method, operation)


def _operation(path: str, method: str, operation: Schema) -> Iterator[str]:
    yield f"### `{method.upper()} {path.removeprefix('/')}`\n\n{operation['description']}\n"
    phrases = [Action(action).phrase for action in operation[REQUIRED_ACTIONS]]
    yield f"Needs the right to {' and to '.join(phrases)}.\n" if phrases else "Needs no sign-in.\n"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "| parameter | in | type | |\n|---|---|---|---|"
        yield from map(_parameter, parameters)
        yield ""
    if "requestBody" in operation:
        (form,) = operation["requestBody"]["content"].values()
        optional = "" if operation["requestBody"].get("required") else ", may be left out"
        yield f"Body: {_type(form['schema'])}{optional}\n"
        yield from _example(form)
    status, answer = next((s, a) for s, a in operation["responses"].items() if s.startswith("2"))
    if "content" not in answer:
        yield f"Answer: {status}, without content\n"
        return
    types = [
        _type(form["schema"]) if media_type == "application/json" else f"`{media_type}`"
        for media_type, form in answer["content"].items()
    ]
    yield f"Answer: {status}, {' or '.join(types)}\n"
    for form in answer["content"].values():
        yield from _example(form)


def _parameter(parameter: Schema) -> str:
    schema = parameter["schema"]
    notes = [parameter.get("description", "")]
    notes.append(_bounds(schema))
    if parameter["required"]:
        notes.append("required")
    if schema.get("default") not in (None, "", []):
        notes.append(f"by default `{json.dumps(schema['default'])}`")
    return f"| `{parameter['name']}` | {parameter['in']} | {_type(schema)} | {'; '.join(filter(None, notes))} |"


def _bounds(schema: Schema) -> str:
    """The least and the greatest number, as `1 to 200`."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None or most is None:
        return ""
    return f"{least:g} to {most:,.0f}" if most < _UNLIMITED else f"{least:g} or more"


def _example(form: Schema) -> Iterator[str]:
    if "example" in form:
        example = form["example"]
        is_text = isinstance(example, str)
        yield f"```{'text' if is_text else 'json'}\n{example.strip() if is_text else _laid_out(example)}\n```\n"


def _schemas(schemas: Schema) -> Iterator[str]:
    yield "## Types\n"
    for name, schema in sorted(schemas.items()):
        yield f"### {_title(name)}\n"
        if schema.get("description"):
            yield f"{schema['description']}\n"
        if "properties" not in schema:
            yield f"{_type(schema)}\n"
            continue
        yield "| key | type | |\n|---|---|---|"
        required = schema.get("required", ())
        for key, part in schema["properties"].items():
            notes = [part.get("description", ""), "" if key in required else "may be left out"]
            yield f"| `{key}` | {_type(part)} | {'; '.join(filter(None, notes))} |"
        yield ""


def _title(name: str) -> str:
    """The name of a type as the description has it in titles, without the underscores of generic types."""
    return name.replace("_", "")


def _type(schema: Schema) -> str:
    """The type in words, with links to the types of this page."""
    match schema:
        case {"$ref": reference}:
            name = _title(reference.rpartition("/")[2])
            return f"[{name}](#{name.lower()})"
        case {"anyOf": parts} if {"type": "array", "items": {}} in parts:
            return "any JSON"
        case {"anyOf": parts}:
            return " or ".join(dict.fromkeys(map(_type, parts)))
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"enum": values}:
            return " or ".join(f"`{json.dumps(value)}`" for value in values)
        case {"type": "array", "prefixItems": parts}:
            return f"list of ({', '.join(map(_type, parts))})"
        case {"type": "array"}:
            return f"list of {_grouped(schema.get('items', {}))}"
        case {"type": "object", "additionalProperties": {**values}}:
            return f"object of {_grouped(values)} by key"
        case {"type": "object", "patternProperties": {**patterns}}:
            return f"object of {_grouped(next(iter(patterns.values())))} by key"
        case {"type": kind, "format": form}:
            return f"{kind} ({form})"
        case {"type": kind}:
            return kind
        case _:
            return "any JSON"


def _grouped(schema: Schema) -> str:
    """In parentheses where the words of what surrounds it could be read as part of it."""
    words = _type(schema)
    return f"({words})" if " or " in words or " of " in words else words


def _laid_out(value: Any, indent: str = "") -> str:
    """JSON in which what fits is on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= _WIDTH or not value or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_laid_out(part, deeper)}" for key, part in value.items()]
    else:
        parts = [_laid_out(part, deeper) for part in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{closing}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(write_reference(create_api().openapi()), encoding="utf-8")
