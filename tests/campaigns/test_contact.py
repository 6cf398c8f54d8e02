from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from loyalty_core.campaigns.contact import ConsentUnknown, ContactColumns, opt_outs_of
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from loyalty_core.store.messages import ContactPreferenceRecord
from loyalty_core.warehouse import FeatureStore, Warehouse
from tests.fixtures.warehouses import Backend

OpenWarehouse = Callable[..., Warehouse]

PEOPLE = """
CREATE TABLE customer_features_view (
    customer_id varchar, agreed boolean, agreed_word varchar, agreed_number double precision,
    email varchar, phone bigint, preferred_channel varchar, timezone varchar
);
INSERT INTO customer_features_view VALUES
    ('A', true, ' Yes ', 1, ' a@example.com ', 4712345678, 'E-Mail', ' Europe/Oslo'),
    ('B', false, 'no', 0, 'b@example', NULL, ' SMS ', ''),
    ('C', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('D', true, '', 2, '', 1, '', 'Mars/Olympus'),
    ('E', true, 'TRUE', 'NaN', 'e@x.com,f@x.com', 1, 'email', NULL),
    ('F', true, '1', -1, 'f@x@y.com', 1, 'push', NULL),
    ('G', true, 'y', 1, '@x.com', 1, NULL, NULL),
    ('H', true, 'si', 1, 'h@', 1, NULL, NULL),
    ('I', true, 'on', 1, 'Ida <i@x.com>', 1, NULL, NULL),
    ('J', true, 'on', 1, 'åse@bø.no', 1, NULL, NULL),
    ('K', true, 'on', 1, 'no address', 1, NULL, NULL);
"""


def columns_of(warehouse: Warehouse, **settings: Any) -> ContactColumns:
    return ContactColumns.of(Settings(**settings), warehouse.features.columns.keys())


@pytest.mark.parametrize("consent", ["agreed", "agreed_word", "agreed_number"])
def test_one_customer_and_sql_agree(backend: Backend, open_warehouse: OpenWarehouse, consent: str):
    backend.execute(PEOPLE)
    warehouse = open_warehouse(backend.url)
    columns = columns_of(warehouse, contact_columns={"consent": consent})
    view = warehouse.features
    everyone = warehouse.rows(
        sa.select(
            view.columns["customer_id"].label("id"),
            columns.has_consent(view).label("consent"),
            columns.can_receive(view, "email").label("email"),
            columns.can_receive(view, "sms").label("sms"),
            columns.can_receive(view, "log").label("log"),
            columns.preferred(view).label("preferred"),
            columns.zone(view).label("zone"),
        )
    )
    features = FeatureStore(warehouse).get_many([row["id"] for row in everyone])
    assert len(everyone) == 11
    for row in everyone:
        contact = columns.contact(features[row["id"]])
        assert row == {
            "id": row["id"],
            "consent": contact.has_consent,
            "email": contact.can_receive("email"),
            "sms": contact.can_receive("sms"),
            "log": contact.can_receive("log"),
            "preferred": contact.preferred_channel,
            "zone": contact.time_zone,
        }
    consenting = {row["id"] for row in everyone if row["consent"]}
    expected = {"agreed": "ADEFGHIJK", "agreed_word": "AEFGIJK", "agreed_number": "AGHIJK"}
    assert consenting == set(expected[consent])
    assert {row["id"] for row in everyone if row["email"]} == {"A", "B", "J"}
    first = columns.contact(features["A"])
    assert dict(first.addresses) == {"email": "a@example.com", "sms": "4712345678"}
    assert (first.preferred_channel, first.time_zone) == ("email", "Europe/Oslo")


def test_without_a_consent_column_only_the_log_can_be_used():
    columns = ContactColumns.of(Settings(), ["customer_id", "email"])
    columns.require_consent(["log"])
    with pytest.raises(ConsentUnknown, match=r"Nobody can be contacted by email or webhook\..*CONTACT_COLUMNS"):
        columns.require_consent(["log", "email", "webhook"])
    ContactColumns.of(Settings(contact_consent="assumed"), ["customer_id"]).require_consent(["email"])


def test_names_that_are_stated_replace_the_well_known_ones():
    names = ["consent", "newsletter", "Email", "mail"]
    assert ContactColumns.of(Settings(), names).consent == "consent"
    stated = ContactColumns.of(Settings(contact_columns={"consent": "newsletter", "email": ["none", "mail"]}), names)
    assert (stated.consent, stated.email, stated.phone) == ("newsletter", "mail", None)


def test_own_choices_are_found_for_the_customers_asked_for(store: StateStore):
    now = datetime(2026, 11, 27, tzinfo=UTC)
    choices = [("A", "*", False), ("A", "email", True), ("B", "email", False), ("B", "sms", False), ("C", "*", True)]
    with store.session() as session:
        for customer_id, channel, may_contact in choices:
            session.add(
                ContactPreferenceRecord(
                    customer_id=customer_id,
                    channel=channel,
                    may_contact=may_contact,
                    changed_at=now,
                    changed_by="preference page",
                )
            )
    with store.session(read_only=True) as session:
        assert opt_outs_of(session, ["A", "C", "D"]) == {"A": {"*"}}
        assert opt_outs_of(session, ["B"]) == {"B": {"email", "sms"}}
