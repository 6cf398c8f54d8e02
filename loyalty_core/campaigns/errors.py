"""Errors about campaigns, each with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class CampaignNotFound(LoyaltyError):
    """There is no such campaign, or it has no such version."""

    code = "campaign_not_found"

    def __init__(self, campaign_id: str, version: int | None = None) -> None:
        what = f"There is no campaign with the id {campaign_id[:60]}."
        if version is not None:
            what = f"The campaign {campaign_id[:60]} has no version {version}."
        super().__init__(what, remedy="Choose one from the list of campaigns; it may have been deleted.")


class CampaignChanged(LoyaltyError):
    """Someone saved a newer version since this one was read."""

    code = "campaign_changed"

    def __init__(self, name: str, version: int, by: str, at: datetime) -> None:
        super().__init__(
            f"The campaign “{name}” has changed since you opened it.",
            f"{by} saved version {version} on {at:%Y-%m-%d at %H:%M} UTC.",
            "Open the newest version and make your changes there.",
        )


class CampaignNameTaken(LoyaltyError):
    """Another campaign has the name."""

    code = "campaign_name_taken"

    def __init__(self, name: str, *, looks_alike: bool = False) -> None:
        super().__init__(
            f"The name looks like “{name}”." if looks_alike else f"The name “{name}” is taken.",
            "Another campaign has that name; " + ("the two look the same." if looks_alike else "case is ignored."),
            "Choose another name.",
        )


class BadCampaign(LoyaltyError):
    """The campaign cannot be saved as given."""

    code = "bad_campaign"


class BadTemplate(LoyaltyError):
    """A template cannot be used."""

    code = "bad_template"


class CampaignIncomplete(LoyaltyError):
    """The campaign cannot be started yet."""

    code = "campaign_incomplete"

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        super().__init__("The campaign is not complete yet.", remedy=" ".join(missing))


class CampaignState(LoyaltyError):
    """What was asked for is not possible in the campaign's state."""

    code = "campaign_state"

    def __init__(self, name: str, verb: str, state: str, remedy: str) -> None:
        super().__init__(f"“{name}” cannot be {verb}.", f"It is {state.replace('_', ' ')}.", remedy)


class ApprovalNeeded(LoyaltyError):
    """The version must be approved by another person first."""

    code = "approval_needed"

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"Version {version} of “{name}” has not been approved.",
            "Your roles allow you to start campaigns that somebody else has approved.",
            "Submit it for approval, and ask somebody who may approve campaigns.",
        )


class OwnApproval(LoyaltyError):
    """Whoever submitted a version cannot approve it."""

    code = "own_approval"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"You cannot approve “{name}”.",
            "You submitted this version yourself, and approval takes a second person.",
            "Ask somebody else who may approve campaigns.",
        )


class NothingRecorded(LoyaltyError):
    """The features of those who entered the campaigns are not known."""

    code = "nothing_recorded"

    def __init__(self, campaign_ids: Sequence[str]) -> None:
        super().__init__(
            f"No features were recorded of the customers who entered {', '.join(campaign_ids)}.",
            "They are recorded when customers enter a campaign with a holdout while the app runs.",
            "Export the outcomes as CSV, and join them with the features of that time in the warehouse.",
        )
