"""The advice on contacting one customer, from the features, the predictions and what is known of consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.analytics.churn import OPT_OUTS_UNKNOWN, advise, signs_of_leaving
from loyalty_core.campaigns.contact import EVERY_CHANNEL, ContactColumns, opt_outs_of
from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.ml.tasks import UPLIFT

if TYPE_CHECKING:
    from loyalty_core.analytics.churn import ContactAdvice
    from loyalty_core.ml.serving import CustomerPredictions
    from loyalty_core.segments import SegmentationEngine
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse.connection import Row


def advise_on(
    customer: Row, predictions: CustomerPredictions, engine: SegmentationEngine, store: StateStore, settings: Settings
) -> ContactAdvice:
    """The advice on a customer with these values of the features view, as the viewer sees them, and predictions."""
    uplift = predictions.answers.get(UPLIFT.name)
    try:
        has_consent = _known_consent(customer, engine, store, settings)
    except StateStoreUnavailable:
        return OPT_OUTS_UNKNOWN
    return advise(
        predictions.churn["recommendations"] if predictions.churn else (),
        uplift=uplift["uplift"] if uplift else None,
        left=signs_of_leaving(engine, settings, customer),
        has_consent=has_consent,
    )


def _known_consent(customer: Row, engine: SegmentationEngine, store: StateStore, settings: Settings) -> bool | None:
    """Whether the customer may be contacted by some channel; None where no visible column says so."""
    customer_id = str(customer[settings.dwh_customer_id_column])
    with store.session(read_only=True) as session:
        refused = opt_outs_of(session, [customer_id]).get(customer_id, frozenset())
    if EVERY_CHANNEL in refused:
        return False
    columns = ContactColumns.of(settings, customer)
    if columns.consent_is_assumed:
        return True
    readable = {field.name for field in engine.fields()}
    return columns.contact(customer).has_consent if columns.consent in readable else None
