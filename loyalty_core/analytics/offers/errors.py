"""Errors of saved policies; see `loyalty_core.errors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class BadPolicy(LoyaltyError):
    """The policy is invalid."""

    code = "bad_policy"


class PolicyNotFound(LoyaltyError):
    """There is no such policy."""

    code = "policy_not_found"

    def __init__(self, policy_id: str) -> None:
        super().__init__(
            f"There is no offer policy with the id {policy_id[:60]}.",
            remedy="It may have been deleted: choose one from the list of policies.",
        )


class PolicyInUse(LoyaltyError):
    """The policy cannot be deleted while campaigns use it."""

    code = "policy_in_use"

    def __init__(self, name: str, campaigns: Sequence[str]) -> None:
        users = ", ".join(f"“{campaign}”" for campaign in campaigns)
        super().__init__(
            f"The policy “{name}” is in use.",
            f"The campaign {users} chooses offers by it.",
            "Choose another policy there first, or end the campaign.",
        )


class PolicyChanged(LoyaltyError):
    """Someone has saved a newer version since this one was read."""

    code = "policy_changed"

    def __init__(self, name: str, version: int, by: str, at: datetime) -> None:
        super().__init__(
            f"The policy “{name}” has changed since you loaded it.",
            f"{by} saved version {version} on {at:%Y-%m-%d at %H:%M} UTC.",
            "Load the newest version and make your changes there, or save yours under another name.",
        )


class PolicyNameTaken(LoyaltyError):
    """Another policy has this name."""

    code = "policy_name_taken"

    def __init__(self, name: str, *, looks_alike: bool = False) -> None:
        super().__init__(
            f"The name looks like “{name}”." if looks_alike else f"The name “{name}” is taken.",
            "Another policy has that name; " + ("the two look the same." if looks_alike else "case is ignored."),
            "Choose another name, or load that policy to change it.",
        )
