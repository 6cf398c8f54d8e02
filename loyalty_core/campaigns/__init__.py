"""Campaigns: who is written to, with which offer, when, and with what result."""

from loyalty_core.campaigns.campaign import STATES, Campaign, CampaignRun, CampaignVersion, State
from loyalty_core.campaigns.campaigns import Campaigns
from loyalty_core.campaigns.candidates import Candidate
from loyalty_core.campaigns.decisions import REASONS, Reason
from loyalty_core.campaigns.definition import (
    DAYS,
    TRIGGERS,
    Audience,
    Channels,
    Conversion,
    Definition,
    Message,
    Offer,
    Trigger,
    Variant,
)
from loyalty_core.campaigns.effect import MIN_HOLDOUT, Effect
from loyalty_core.campaigns.errors import (
    ApprovalNeeded,
    BadCampaign,
    BadTemplate,
    CampaignChanged,
    CampaignIncomplete,
    CampaignNameTaken,
    CampaignNotFound,
    CampaignState,
    NothingRecorded,
    OwnApproval,
)
from loyalty_core.campaigns.executions import Execution, Totals
from loyalty_core.campaigns.latest_offers import LatestOffers
from loyalty_core.campaigns.limits import Budget, Cap, Frequency, Holdout, QuietHours, ReEntry
from loyalty_core.campaigns.outcome import Decision, reason_in_words
from loyalty_core.campaigns.planned import Planned
from loyalty_core.campaigns.repository import CampaignRepository
from loyalty_core.campaigns.results import DayFigures, Figures, Performance
from loyalty_core.campaigns.runs import CampaignRuns
from loyalty_core.campaigns.suppressed import Suppressed, list_suppressed
from loyalty_core.campaigns.waterfall import TITLES, Step, Waterfall

__all__ = [
    "DAYS",
    "MIN_HOLDOUT",
    "REASONS",
    "STATES",
    "TITLES",
    "TRIGGERS",
    "ApprovalNeeded",
    "Audience",
    "BadCampaign",
    "BadTemplate",
    "Budget",
    "Campaign",
    "CampaignChanged",
    "CampaignIncomplete",
    "CampaignNameTaken",
    "CampaignNotFound",
    "CampaignRepository",
    "CampaignRun",
    "CampaignRuns",
    "CampaignState",
    "CampaignVersion",
    "Campaigns",
    "Candidate",
    "Cap",
    "Channels",
    "Conversion",
    "DayFigures",
    "Decision",
    "Definition",
    "Effect",
    "Execution",
    "Figures",
    "Frequency",
    "Holdout",
    "LatestOffers",
    "Message",
    "NothingRecorded",
    "Offer",
    "OwnApproval",
    "Performance",
    "Planned",
    "QuietHours",
    "ReEntry",
    "Reason",
    "State",
    "Step",
    "Suppressed",
    "Totals",
    "Trigger",
    "Variant",
    "Waterfall",
    "list_suppressed",
    "reason_in_words",
]
