"""The job that runs a campaign over its whole audience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.access import current_viewer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.jobs.report import Report
    from loyalty_core.services import Services


def run_campaign(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Make the run `run_id`: queue a message for every customer of the audience whom nothing keeps from getting one."""
    services.seen_by(current_viewer()).warehouse.require_every_customer("Runs of campaigns")
    report.phase("Reading the audience")
    found = services.campaign_runs.make(int(options["run_id"]), report.progress)
    if found is None:
        report.message("Another process has made this run.")
        return {}
    report.message(f"{found.to_send:,} of {found.audience:,} customers get a message.")
    return found.counts
