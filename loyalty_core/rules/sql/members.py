"""The members of a list in a rule, as parameters of the types that a database compares with a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.rules.sql.numbers import neighbours, number_parameter
from loyalty_core.rules.tree import as_number

if TYPE_CHECKING:
    from loyalty_core.rules.tree import Membership


def members_by_type(
    leaf: Membership, kind: sa.types.TypeEngine[Any]
) -> list[tuple[list[Any], sa.types.TypeEngine[Any]]]:
    """The members as parameters of one type each; what a column of that type cannot hold is left out."""
    match leaf.value.kind:
        case "number":
            typed: dict[str, tuple[list[Any], sa.types.TypeEngine[Any]]] = {}
            for member in leaf.members:
                below, above = neighbours(as_number(member), kind)
                if below == above:
                    parameter = number_parameter(below, kind)
                    typed.setdefault(type(parameter.type).__name__, ([], parameter.type))[0].append(parameter.value)
            return list(typed.values())
        case "text":
            return [(list(leaf.members), sa.UnicodeText())] if leaf.members else []
        case _:
            return [(list(leaf.members), sa.Boolean())] if leaf.members else []
