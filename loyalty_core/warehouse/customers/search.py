"""Finding customers by the start of their id, or by the words of their name or e-mail address."""

import sqlalchemy as sa

from loyalty_core.warehouse.columns import folded

_NAMES = ("full_name", "name", "customer_name", "first_name", "last_name", "email", "email_address")


def name_columns(view: sa.FromClause) -> list[str]:
    """The columns that say who a customer is: full name, e-mail and the like, in any spelling of their names."""
    present = {folded(name): name for name in view.c.keys()}  # noqa: SIM118 - a collection of columns is no mapping
    return [present[name] for name in map(folded, _NAMES) if name in present]


def is_found_by(text: str, relation: sa.FromClause, identifier: str) -> sa.ColumnElement[bool]:
    """True where the id starts with `text`, or the names contain all its words in any order, in either letter case."""
    names = _names(relation)
    starts = sa.cast(relation.c[identifier], sa.Text).istartswith(text, autoescape=True)
    if not names or not text.split():
        return starts
    words = [sa.or_(*(name.icontains(word, autoescape=True) for name in names)) for word in text.split()]
    return sa.or_(starts, sa.and_(*words))


def match_rank(text: str, relation: sa.FromClause, identifier: str) -> sa.ColumnElement[int]:
    """How well a customer matches, best first: 0 exact id, 1 start of the id, 2 exact name, 3 start of a name, 4 rest.

    Names are exact when one is the text, or when every word is one of them, as with a first and a last name.
    """
    customer_id = sa.cast(relation.c[identifier], sa.Text)
    names = _names(relation)
    ranks = [(customer_id == text, 0), (customer_id.istartswith(text, autoescape=True), 1)]
    if names and text.split():
        is_name = [sa.func.lower(name) == text.lower() for name in names]
        is_word = [sa.or_(*(sa.func.lower(name) == word.lower() for name in names)) for word in text.split()]
        starts = sa.or_(*(name.istartswith(text, autoescape=True) for name in names))
        ranks += [(sa.or_(*is_name, sa.and_(*is_word)), 2), (starts, 3)]
    return sa.case(*ranks, else_=4)


def _names(relation: sa.FromClause) -> list[sa.ColumnElement[str]]:
    return [sa.cast(relation.c[name], sa.Text) for name in name_columns(relation)]
