"""Parsing of warehouse table names: `table`, `schema.table`, `"odd schema"."my view"`."""

import re

from loyalty_core.errors import SettingsError

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
_MAX_PARTS = 3


def split_table_name(name: str) -> tuple[str | None, str]:
    """Split into (schema, table); a catalog stays part of the schema, as in SQLAlchemy.

    Parts may be in double quotes, with quotes inside doubled. Raises `SettingsError` for an invalid name.
    """
    parts: list[str] = []
    position = 0
    while match := _PART.match(name, position):
        quoted, plain = match.groups()
        parts.append(quoted.replace('""', '"') if quoted else plain.strip())
        position = match.end()
        if position < len(name) and name[position] == ".":
            position += 1
        else:
            break
    if position < len(name) or name.endswith(".") or not 0 < len(parts) <= _MAX_PARTS or not all(parts):
        raise SettingsError(
            f"{name!r} is not the name of a table.",
            remedy='Write customers, schema.customers or "odd schema"."my view".',
        )
    return (".".join(parts[:-1]) or None), parts[-1]
