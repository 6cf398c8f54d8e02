"""What each kind of job does. A handler gets the services, the options and a report, and returns a JSON value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loyalty_core.jobs.report import Report
from loyalty_core.services import Services
from loyalty_core.work.campaigning import run_campaign
from loyalty_core.work.comparing import compare
from loyalty_core.work.connecting import connect_file
from loyalty_core.work.exporting import export_customers
from loyalty_core.work.scoring import compute_segments, score
from loyalty_core.work.training import train_models

Handler = Callable[[Services, Mapping[str, Any], Report], Any]


HANDLERS: dict[str, Handler] = {
    "scoring": score,
    "training": train_models,
    "comparison": compare,
    "connection": connect_file,
    "segments": compute_segments,
    "campaign": run_campaign,
    "export": export_customers,
}
