"""The scope of a viewer with several roles."""

import pytest

from loyalty_core.access import Action, Role, Scope, scope_of

NORTH, SOUTH = ({"==": [{"var": "region"}, region]} for region in ("North", "South"))
LOOK, METRICS, EXPORT = Action.VIEW, Action.READ_METRICS, Action.EXPORT


def role(action: Action, rule: object = None) -> Role:
    return Role("own", "Own", frozenset({action}), Scope.of(rule) if rule else None)


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([], None),
        ([role(LOOK)], None),
        ([role(LOOK, NORTH)], NORTH),
        ([role(LOOK, NORTH), role(LOOK, NORTH)], NORTH),
        ([role(LOOK, NORTH), role(LOOK, SOUTH)], {"or": [NORTH, SOUTH]}),
        ([role(LOOK, NORTH), role(LOOK)], None),
        # Roles that show nobody:
        ([role(LOOK, NORTH), role(METRICS)], NORTH),
        ([role(LOOK, NORTH), role(METRICS, SOUTH)], NORTH),
        ([role(LOOK), role(METRICS, SOUTH)], None),
        ([role(EXPORT, NORTH)], NORTH),
        ([role(EXPORT, NORTH), role(EXPORT)], None),
    ],
)
def test_the_scope_is_that_of_the_roles_that_show_customers(roles: list[Role], expected: object):
    assert scope_of(roles) == (Scope.of(expected) if expected else None)
