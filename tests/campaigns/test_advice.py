"""The advice on contacting one customer: consent of the warehouse, opt-outs of the state store, and the prediction."""

from pathlib import Path

import pytest

from loyalty_core.ml.serving import CustomerPredictions
from loyalty_core.store.messages import ContactPreferenceRecord
from tests.campaigns.conftest import Open
from tests.campaigns.programme import NOW, Customer, Programme

KRISTOFFER, ANNA, NOBODY_ASKED = (
    Customer("kristoffer"),
    Customer("anna", consent=False),
    Customer("nobody-asked", consent=None),
)


def reason(programme: Programme, customer: Customer) -> tuple[bool, str]:
    """Whether to contact a customer of high risk, and why."""
    churn = {"recommendations": ["Send a voucher"]}
    predictions = CustomerPredictions(customer.customer_id, "v1", False, {"churn": churn}, {}, None, (), {})
    found = programme.services.advice(programme.services.features.get(customer.customer_id), predictions)
    return found.contact, found.reason


@pytest.mark.parametrize(
    ("customer", "expected"),
    [(KRISTOFFER, (True, "effect_unknown")), (ANNA, (False, "no_consent")), (NOBODY_ASKED, (False, "no_consent"))],
)
def test_consent_in_the_warehouse(programme: Open, customer: Customer, expected: tuple[bool, str]) -> None:
    assert reason(programme(customer), customer) == expected


def test_an_opt_out_of_everything_counts_more_than_consent(programme: Open) -> None:
    opened = programme(KRISTOFFER)
    with opened.services.store.session() as session:
        refused = {"may_contact": False, "changed_at": NOW, "changed_by": "preference page"}
        session.add(ContactPreferenceRecord(customer_id="kristoffer", channel="*", **refused))
    assert reason(opened, KRISTOFFER) == (False, "no_consent")


def test_without_the_state_store_nobody_is_to_be_contacted(programme: Open, tmp_path: Path) -> None:
    opened = programme(KRISTOFFER)
    opened.services.store.close()
    (tmp_path / "state.db").write_bytes(b"no database")
    assert reason(opened, KRISTOFFER) == (False, "opt_outs_unknown")
