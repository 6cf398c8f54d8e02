"""Who has already left: by a status, a label or silence."""

from __future__ import annotations

import pytest

from loyalty_core.analytics.churn import gone_conditions
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Column

DAYS = Column("days_since_last_transaction", "number", "", "Days", minimum=0, maximum=900)
STATUS = Column("customer_status", "text", "", "Status", top_values=(("active", 8), ("Churned", 2), ("closed", 1)))


def test_status_label_and_silence():
    label = Column("Exited", "number", "", "Exited", minimum=0, maximum=1)
    assert gone_conditions([DAYS, STATUS, label], Settings(gone_after_days=365)) == [
        {"in": [{"var": "customer_status"}, ["Churned", "closed"]]},
        {"==": [{"var": "Exited"}, 1]},
        {">": [{"var": "days_since_last_transaction"}, 365]},
    ]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Column("churned", "boolean", "", "Churned"), [{"==": [{"var": "churned"}, True]}]),
        (
            Column("churn", "text", "", "Churn", top_values=(("No", 5), ("Yes", 2))),
            [{"in": [{"var": "churn"}, ["Yes"]]}],
        ),
        (Column("churn", "number", "", "Churn", minimum=0, maximum=0.9), []),  # a score, not a label
    ],
)
def test_how_a_label_is_written(label: Column, expected: list[object]):
    assert gone_conditions([label], Settings()) == expected


def test_nobody_is_known_to_have_left():
    assert gone_conditions([DAYS], Settings(gone_after_days=None)) == []
    assert gone_conditions([Column("age", "number", "", "Age")], Settings()) == []
