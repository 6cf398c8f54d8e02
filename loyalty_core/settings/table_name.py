"""Names of warehouse tables as people write them: `table`, `schema.table`, `"odd schema"."my view"`."""

import re

from loyalty_core.errors import SettingsError

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
_MOST_PARTS = 3


def split_table_name(name: str) -> tuple[str | None, str]:
    """Split into (schema, table); a catalog stays in front of the schema, dot between, as SQLAlchemy wants it.

    Parts may be quoted with double quotes, a quote inside is doubled. Raises `SettingsError` when unreadable.
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
    if position < len(name) or name.endswith(".") or not 0 < len(parts) <= _MOST_PARTS or not all(parts):
        raise SettingsError(
            f"{name!r} is not the name of a table.",
            remedy='Write customers, schema.customers or "odd schema"."my view".',
        )
    return (".".join(parts[:-1]) or None), parts[-1]
