"""Tables of the offer policies: their current state, and every version."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import Base


class OfferPolicyRecord(Base):
    """The current state of a policy; `name_key` is the case-insensitive name, `content` the policy as JSON."""

    __tablename__ = "offer_policies"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    content: Mapped[Any] = mapped_column(JSON, nullable=False)
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class OfferPolicyVersionRecord(Base):
    """One saved version of a policy. Rows are added and read, never changed."""

    __tablename__ = "offer_policy_versions"

    policy_id: Mapped[str] = mapped_column(ForeignKey("offer_policies.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    name: Mapped[str]
    content: Mapped[Any] = mapped_column(JSON, nullable=False)
