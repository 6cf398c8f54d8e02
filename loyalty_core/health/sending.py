"""Checks of sending: whether messages go out, and how many somebody has to decide about."""

from collections.abc import Iterator
from datetime import timedelta

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.health.check import Check
from loyalty_core.services import Services

# Longer than messages wait for others, or for the limit of their channel in a usual minute.
_STUCK = timedelta(minutes=15)


def sending_checks(services: Services) -> Iterator[Check]:
    """One line each for what waits and what is in doubt; none without the state store."""
    try:
        counts, overdue = services.outbox.counts(), services.outbox.overdue()
    except StateStoreUnavailable:
        return  # the check of the state store says why
    of_status = {status: sum(n for (_, one), n in counts.items() if one == status) for _, status in counts}
    waiting = f"{of_status.get('waiting', 0):,} messages wait."
    if overdue > _STUCK:
        minutes = overdue.total_seconds() / 60
        remedy = (
            "See the log of the sender: it says which channel does not answer. With CAMPAIGNS_SENDER=separate, start "
            "loyalty send. A channel may also be at its limit (SENDING_PER_SECOND)."
        )
        yield Check(
            "Sending", "Outbox", "warning", f"{waiting} The oldest has been due for {minutes:,.0f} min.", remedy
        )
    else:
        yield Check("Sending", "Outbox", "ok", waiting)
    in_doubt = of_status.get("in_doubt", 0)
    if in_doubt:
        remedy = (
            "Decide for each, on the page Campaigns under Messages, whether to send it again or to mark it as sent."
        )
        detail = f"{in_doubt:,} messages were perhaps sent: their sender ended before it knew."
        yield Check("Sending", "In doubt", "warning", detail, remedy)
