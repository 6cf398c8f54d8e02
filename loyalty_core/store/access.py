"""Tables of people, custom roles, API keys and ended sign-ins."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import Base


class PersonRecord(Base):
    """Somebody who may sign in. `issuer` and `subject` are those of the first sign-in, by which they are recognised.

    A sign-in before `sessions_valid_from` has ended.
    """

    __tablename__ = "people"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    issuer: Mapped[str | None]
    subject: Mapped[str | None]
    roles: Mapped[list[str]] = mapped_column(JSON)
    is_active: Mapped[bool]
    sessions_valid_from: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]


class OwnRoleRecord(Base):
    """A role that a company has defined; `scope` is a JSONLogic rule, or null for every customer."""

    __tablename__ = "own_roles"

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    actions: Mapped[list[str]] = mapped_column(JSON)
    scope: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class ApiKeyRecord(Base):
    """An API key, of which only a hash is stored; `prefix` identifies it in lists and in the audit trail.

    `owner` is the person who created it, None for one created in a terminal.
    """

    __tablename__ = "api_keys"

    prefix: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(JSON)
    owner: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class EndedSignInRecord(Base):
    """A sign-in that has ended by signing out: a digest of its claims."""

    __tablename__ = "ended_sign_ins"

    digest: Mapped[str] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime]
