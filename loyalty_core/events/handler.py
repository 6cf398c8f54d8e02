"""What the worker requires of whatever applies events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from loyalty_core.events.event import Event

Prepared = TypeVar("Prepared")


class Handler(Protocol[Prepared]):
    """Applies events in two steps, so that the slow one holds no lock of the state store.

    The events of one call are of one or more customers; those of a customer follow each other, the oldest first. No
    other worker applies events of these customers meanwhile.

    An error that `is_outage` recognises makes the worker wait and try the same events again, as often as it takes. Any
    other error is first narrowed down to one event by applying ever smaller parts of the batch; that event is tried
    again later, and becomes a dead letter when it has failed too often.
    """

    def prepare(self, events: Sequence[Event]) -> Prepared:
        """Read and compute everything that does not have to be in the transaction; nothing is written to the store.

        May be called again for the same events, also after a call whose result was never written.
        """
        ...

    def write(self, session: Session, prepared: Prepared) -> None:
        """Write everything that the events cause in the worker's transaction, without committing.

        The same transaction marks the events as done, so what is written takes effect once, or not at all.
        """
        ...
