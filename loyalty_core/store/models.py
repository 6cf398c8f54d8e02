"""Every table of the state store: a table whose module is not imported here is unknown to the migrations."""

from loyalty_core.store.audit import AuditEvent
from loyalty_core.store.base import Base

__all__ = ["AuditEvent", "Base"]

metadata = Base.metadata
