"""Every screen and every answer of the API, read for the figures in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loyalty_core.ui.navigation import CHURN, CUSTOMERS, OFFERS, OVERVIEW, RFM, SEGMENTS, SYSTEM_HEALTH, TRAINING
from tests.fixtures.screens import texts_of

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from loyalty_core.ui.navigation import Screen
    from tests.fixtures.api import Ask
    from tests.fixtures.screens import OpenScreen

CUSTOMER = "7"
SEGMENT = "risky"
_VIEWS: dict[Screen, tuple[str, ...]] = {
    CHURN: ("Budget", "Customers", "Drivers and groups"),
    OFFERS: ("Offers", "Arbitration"),
    RFM: ("Grid", "Segments", "Movement", "Cut points"),
    TRAINING: ("Train", "Versions", "Monitoring", "A/B test"),
}
_PAGES: tuple[tuple[Screen, dict[str, str]], ...] = (
    (OVERVIEW, {"plain": "true"}),
    (SEGMENTS, {}),
    (SEGMENTS, {"segment": SEGMENT, "tab": "Sizes"}),
    (CUSTOMERS, {"customer_id": CUSTOMER}),
    (SYSTEM_HEALTH, {}),
    *((screen, {"view": view}) for screen, views in _VIEWS.items() for view in views),
)
_REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("/segments/", "GET", None),
    (f"/segments/{SEGMENT}/", "GET", None),
    ("/dwh/ml/monitoring/", "GET", None),
    *((f"/dwh/ml/{kind}/", "POST", {"customer_id": CUSTOMER}) for kind in ("churn", "nbo", "rfm")),
    *((f"/dwh/ml/segment/{kind}/", "POST", {"segment_id": "all", "first": 3}) for kind in ("churn", "nbo", "rfm")),
)
# Moments, durations, and counts of look-ups and checks differ from one run to the next, whatever the data.
_PASSING = re.compile(
    r"\d{4}-\d\d-\d\d[T ][\d:.]+\S*|\d{1,2} [A-Z][a-z]{2} \d{4}|\d{1,2}:\d\d(:\d\d)?|\d+ ms|[^.]*look-ups[^.]*"
    r"|\d+ of \d+ checks"
)
_VERSION = re.compile(r"\d{8}T\d{6}Z-\w{4}")
_FIGURE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


@dataclass(frozen=True)
class Reader:
    """Reads screens and answers; what names the `folder` of the test is no figure."""

    open_screen: OpenScreen
    ask: Ask
    folder: Path

    def figures(self) -> dict[str, set[str]]:
        """The figures on each page, and in each answer."""
        found: dict[str, set[str]] = {}
        for screen, parameters in _PAGES:
            app = self.open_screen(screen, **parameters)
            assert not app.exception, (screen.title, parameters, app.exception[0].value)
            found[f"{screen.title} {parameters}"] = self._in("\n".join(_everything_on(app)))
        for path, method, body in _REQUESTS:
            found[path] = self._in(self.ask(path, method, body).text)
        return found

    def _in(self, text: str) -> set[str]:
        for pattern in (re.escape(str(self.folder)), _VERSION, _PASSING):
            text = re.sub(pattern, " ", text)
        # Sums differ in their last digits with the order of their parts, which is up to the database.
        return {f"{float(figure.replace(',', '')):.9g}" for figure in _FIGURE.findall(text)}


def _everything_on(app: AppTest) -> list[str]:
    boxes = (*app.info, *app.warning, *app.error, *app.success)
    metrics = (f"{metric.label}: {metric.value} {metric.delta}" for metric in app.metric)
    tables = (table.value.to_string() for table in app.dataframe)
    charts = (chart.proto.spec for chart in app.get("plotly_chart"))
    return [*texts_of(app), *(box.value for box in boxes), *metrics, *tables, *charts]
