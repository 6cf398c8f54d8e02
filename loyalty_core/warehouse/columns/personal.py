"""Which columns hold personal data, and what is shown in place of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.warehouse.columns.catalog import kind_of
from loyalty_core.warehouse.columns.labels import label_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy.sql.elements import KeyedColumnElement

    from loyalty_core.settings import Settings

MASK = "•••"

# Matched against the whole label, such as "customer email address", so that "email open rate" is none.
_PERSONAL = re.compile(
    r"((.* )?(e-?mail|mail)( address)?( \d)?"
    r"|(.* )?(tele|mobile |cell |home |work )?(phone|mobile|msisdn|fax)( number| no)?( \d)?"
    r"|(.* )?(address|street|street name|house number|postal code|post code|postcode|zip code|zip)( line)?( \d)?"
    r"|((customer|member|contact|full|first|last|middle|given|family|maiden|nick|user|person) ?)*name"
    r"|surname|forename|customer|member|birth ?(date|day)|date of birth|dob)"
)
_NAMES_A_PLACE = re.compile(r".*\b(ip|web|url|store|shop|branch)\b.*")


def personal_columns(columns: Iterable[sa.ColumnElement[Any]], identifier: str, settings: Settings) -> frozenset[str]:
    """Names of the columns that hold personal data: those of PERSONAL_COLUMNS, or else those recognised by name.

    Recognised are names, e-mail addresses, phone numbers, postal addresses and dates of birth. The id of a customer
    is never one of them, since nothing could be asked about a customer without it.
    """
    names = {str(column.key): column for column in columns if column.key != identifier}
    if settings.personal_columns is not None:
        wanted = {name.casefold() for name in settings.personal_columns}
        return frozenset(name for name in names if name.casefold() in wanted)
    return frozenset(name for name, column in names.items() if is_personal(name, column.type))


def is_personal(name: str, kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether a column of this name and type is taken for personal data; a boolean, such as a consent, never."""
    label = label_of(name).lower()
    is_named_so = _PERSONAL.fullmatch(label) is not None and not _NAMES_A_PLACE.fullmatch(label)
    return is_named_so and kind_of(kind) != "boolean"


def masked(column: KeyedColumnElement[Any]) -> sa.ColumnElement[Any]:
    """What is read in place of a personal value, under the column's name: MASK for texts, a blank for other types."""
    if isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum):
        return sa.literal(MASK, sa.Text()).label(column.key)
    kind = sa.Text() if isinstance(column.type, sa.types.NullType) else column.type
    return sa.cast(sa.null(), kind).label(column.key)


def without_values(relation: sa.FromClause, hidden: Collection[str]) -> list[sa.ColumnElement[Any]]:
    """The columns of a relation, those that are hidden masked."""
    return [masked(column) if column.key in hidden else column for column in relation.columns]
