"""Which action a route needs."""

from typing import Any

from fastapi import Depends

from loyalty_core.access import Action, require


def allowed(action: Action) -> Any:
    """For `dependencies` of a route: 403 unless the viewer's roles allow the action."""

    async def check() -> None:
        require(action)

    check.action = action  # pyright: ignore[reportFunctionMemberAccess]
    return Depends(check)
