"""The job that compares two model versions, and the end of every training, which compares with the active one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs.report import JobStopped
from loyalty_core.ml.bundles import read_active

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.jobs.report import Report
    from loyalty_core.services import Services

_log = logging.getLogger(__name__)


def compare(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Compare the version in `options` with the one named `against` there, and save the result."""
    # Measuring imports scikit-learn, which takes time that other jobs should not spend.
    from loyalty_core.ml.versions.compare import compare_versions  # noqa: PLC0415

    version, against = options["version"], options["against"]
    phase = ""

    def tell(now: str, done: int) -> None:
        nonlocal phase
        if now != phase:
            phase = now
            report.phase(now)
        report.progress(done)

    report.phase("Opening both versions")
    found = compare_versions(services.warehouse, services.segmentation, services.segments, version, against, tell)
    services.comparisons.save(found)
    for remark in found.remarks:
        _log.warning("%s", remark)
    base = found.shifts[0]
    report.message(
        f"{base.customers:,} customers compared: {base.other_band:,} get another churn risk, "
        f"{base.other_offer:,} another best offer."
    )
    return {"version": version, "against": against, "customers": base.customers}


def compare_with_active(services: Services, version: str, report: Report) -> None:
    """Compare a version that was just trained; a failed or stopped comparison does not fail the training."""
    try:
        active = read_active(services.settings.models_dir)
        if active is not None:
            compare(services, {"version": version, "against": active.version}, report)
    except JobStopped:
        _log.info("Not compared with the active version: stopped.")
    except LoyaltyError as error:
        _log.warning("Not compared with the active version: %s", error)
