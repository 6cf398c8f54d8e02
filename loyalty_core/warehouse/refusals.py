"""What viewers are refused who may not see every customer, every value or every group."""

from loyalty_core.errors import LoyaltyError


class ScopeUnusable(LoyaltyError):
    """The rule of a viewer's scope cannot be used, so the viewer sees no customer."""

    code = "scope_unusable"


class GroupsOnly(LoyaltyError):
    """Single customers, or groups of any size, asked for by a viewer who sees groups from a certain size on."""

    code = "groups_only"

    def __init__(self, smallest: int) -> None:
        super().__init__(
            f"You see groups of at least {smallest:,} customers, and this shows single customers or smaller groups.",
            remedy="Ask an admin for a role that may see personal data.",
        )


class GroupTooSmall(LoyaltyError):
    """A group that is too small to be shown to the viewer."""

    code = "group_too_small"

    def __init__(self, smallest: int) -> None:
        super().__init__(
            f"Fewer than {smallest:,} customers match, or all but fewer than {smallest:,}.",
            "You see groups of at least that size.",
            "Ask about a larger group.",
        )


class NeedsEveryCustomer(LoyaltyError):
    """A figure that only means something for the whole base, asked for by a viewer with a scope."""

    code = "needs_every_customer"
