"""How often each screen asks the warehouse: on a large base, every statement is a wait.

A statement that a screen sends twice, or sends again for another viewer, lacks a cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.services import get_services
from loyalty_core.ui.navigation import CHURN, CUSTOMERS, OFFERS, OVERVIEW, RFM, SEGMENTS
from tests.fixtures.statements import statements_of
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.ui.navigation import Screen
    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure

pytestmark = pytest.mark.extended

# The most that the first viewer and the next one may cost. DuckDB is asked for one histogram after the other.
PAGES: dict[str, tuple[Screen, dict[str, str], int, int]] = {
    "Overview": (OVERVIEW, {"plain": "true"}, 12, 0),
    "Rule builder": (SEGMENTS, {"edit": "1"}, 73, 3),
    "Customers": (CUSTOMERS, {}, 1, 0),
    "One customer": (CUSTOMERS, {"customer_id": GUIDE_CUSTOMER}, 11, 0),
    "RFM": (RFM, {}, 6, 0),
    "Churn": (CHURN, {}, 3, 0),
    "Churn, drivers and groups": (CHURN, {"view": "Drivers and groups"}, 7, 0),
    "Next best offer": (OFFERS, {}, 6, 0),
}


@pytest.mark.parametrize(("screen", "parameters", "first", "next_viewer"), PAGES.values(), ids=PAGES)
def test_each_question_is_asked_once(
    demo_settings: Configure,
    predictions_file: Path,
    open_screen: OpenScreen,
    screen: Screen,
    parameters: dict[str, str],
    first: int,
    next_viewer: int,
):
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    open_screen(SEGMENTS)  # makes the starter segments
    engine = get_services().warehouse.engine
    for most in (first, next_viewer):
        with statements_of(engine) as sent:
            app = open_screen(screen, **parameters)
        assert not app.exception
        # How many connections are opened, and each asked for its version and database, depends on the machine.
        asked = [statement for statement in sent if "FROM" in statement]
        assert [statement for place, statement in enumerate(asked) if statement in asked[:place]] == []
        assert len(asked) <= most, asked
