"""What one reading of the features view found: whether it can be used, and whether it differs from another reading."""

import sqlalchemy as sa

from loyalty_core.errors import ViewUnusable
from loyalty_core.warehouse.reflection import nearest

_ID_TYPES = (sa.Integer, sa.Numeric, sa.String, sa.Uuid)


def require_id_column(view: sa.Table, name: str, identifier: str, *, may_be_untyped: bool) -> None:
    """Raise `ViewUnusable` where the view `name` has no readable id column of a type that identifies a customer."""
    if identifier in view.info["unreadable"]:
        raise ViewUnusable(
            f"The account may not read the id column {identifier!r} of {name}.",
            remedy="Grant it SELECT on that column, or set DWH_CUSTOMER_ID_COLUMN to another one.",
        )
    if identifier not in view.columns:
        raise ViewUnusable(
            f"The features view {name} has no column {identifier!r}.",
            remedy="Set DWH_CUSTOMER_ID_COLUMN to the column that identifies a customer"
            + nearest(identifier, view.columns.keys()),
        )
    kind = view.columns[identifier].type
    is_unknown = isinstance(kind, sa.types.NullType)
    if not (isinstance(kind, _ID_TYPES) or (is_unknown and may_be_untyped)):
        raise ViewUnusable(
            f"The id column {identifier!r} of {name} is of {'an unknown type' if is_unknown else f'type {kind}'}.",
            "An id must be text, an exact number or a UUID.",
            "Cast it to text in the view, or set DWH_CUSTOMER_ID_COLUMN to another column.",
        )


def shape_of(view: sa.Table) -> list[tuple[str, str]]:
    """The names and types of its columns."""
    return [(column.name, repr(column.type)) for column in view.columns]


def is_unchanged(before: sa.Table, now: sa.Table) -> bool:
    """Whether nothing that is known of the view differs between two readings."""
    comments = [[column.comment for column in view.columns] for view in (before, now)]
    return shape_of(before) == shape_of(now) and comments[0] == comments[1] and before.info == now.info
