"""What can go wrong with people, roles and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Iterable


class PersonNotFound(LoyaltyError):
    """Nobody has this id."""

    code = "person_not_found"

    def __init__(self, person_id: str) -> None:
        super().__init__(f"There is no person {person_id[:100]!r}.", remedy="List them: loyalty access list")


class BadAddress(LoyaltyError):
    """Nobody could sign in by what was given as a person's address."""

    code = "bad_address"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Nobody can sign in as {address[:100]!r}.",
            "It is not an address or name as sign-in reports it.",
            "Enter an e-mail address such as anna@example.com; with SIGN_IN=proxy, the name that the proxy sends.",
        )


class KeyNotFound(LoyaltyError):
    """No API key has this prefix."""

    code = "key_not_found"

    def __init__(self, prefix: str) -> None:
        super().__init__(f"There is no API key {prefix[:60]!r}.", remedy="List them: loyalty access keys list")


class UnknownRole(LoyaltyError):
    """There is no such role."""

    code = "unknown_role"

    def __init__(self, role: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no role {role[:60]!r}.", remedy=f"Choose one of {', '.join(known)}.")


class BadRole(LoyaltyError):
    """The role cannot be saved."""

    code = "bad_role"


class RoleInUse(LoyaltyError):
    """The role is given to somebody."""

    code = "role_in_use"

    def __init__(self, role: str, holders: Iterable[str]) -> None:
        super().__init__(
            f"The role {role!r} is in use.", f"It is given to {', '.join(holders)}.", "Take it from them first."
        )


class LastAdmin(LoyaltyError):
    """Nobody could manage access afterwards."""

    code = "last_admin"

    def __init__(self, person_id: str) -> None:
        super().__init__(
            f"{person_id} is the last admin.",
            "Without an admin, nobody could manage people and keys on the Access page.",
            "Make somebody else an admin first.",
        )


class BadKey(LoyaltyError):
    """The key or its description cannot be used."""

    code = "bad_key"
