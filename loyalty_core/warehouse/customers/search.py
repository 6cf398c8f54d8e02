"""Finding customers as a person asks for them: by the start of the id, or a part of the name or e-mail address."""

import sqlalchemy as sa

from loyalty_core.warehouse.columns.roles import folded

_NAMES = ("full_name", "name", "customer_name", "first_name", "last_name", "email", "email_address")


def name_columns(view: sa.FromClause) -> list[str]:
    """The columns that say who a customer is: full name, e-mail and the like, in any spelling of their names."""
    present = {folded(name): name for name in view.c.keys()}  # noqa: SIM118 - a collection of columns is no mapping
    return [present[name] for name in map(folded, _NAMES) if name in present]


def is_found_by(text: str, relation: sa.FromClause, identifier: str) -> sa.ColumnElement[bool]:
    """True where the id starts with `text`, or a name contains it; letter case does not matter."""
    starts = sa.cast(relation.c[identifier], sa.Text).istartswith(text, autoescape=True)
    names = (sa.cast(relation.c[name], sa.Text) for name in name_columns(relation))
    return sa.or_(starts, *(name.icontains(text, autoescape=True) for name in names))
