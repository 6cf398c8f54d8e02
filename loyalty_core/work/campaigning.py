"""The job that runs a campaign over its whole audience."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from loyalty_core.access import current_viewer
from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.jobs.report import Report
    from loyalty_core.services import Services

_log = logging.getLogger(__name__)


def run_campaign(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Make the run `run_id`: queue a message for every customer of the audience whom nothing keeps from getting one."""
    services.seen_by(current_viewer()).warehouse.require_every_customer("Runs of campaigns")
    report.phase("Reading the audience")
    found = services.campaign_runs.make(int(options["run_id"]), report.progress)
    if found is None:
        report.message("Another process has made this run.")
        return {}
    report.phase("Recording features at entry")
    _record_features(services)
    report.message(f"{found.to_send:,} of {found.audience:,} customers get a message.")
    return found.counts


def _record_features(services: Services) -> None:
    """For a campaign with a holdout; what fails now is tried again by the server."""
    try:
        services.campaigns.entry_features.record_new()
    except LoyaltyError as error:
        _log.warning("The features of those who entered were not recorded: %s", error)
