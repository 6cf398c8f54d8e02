"""Columns, a table and a customer for the tests of rules."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from loyalty_core.rules.tree import Kind

TODAY = date(2026, 3, 1)
OSLO = ZoneInfo("Europe/Oslo")


@dataclass(frozen=True)
class PlainColumn:
    name: str
    kind: Kind
    label: str


COLUMNS = (
    PlainColumn("revenue", "number", "Revenue"),
    PlainColumn("points", "number", "Points"),
    PlainColumn("visits", "number", "Visits"),
    PlainColumn("city", "text", "City"),
    PlainColumn("email", "text", "E-mail"),
    PlainColumn("verified", "boolean", "Verified"),
    PlainColumn("joined", "date", "Joined"),
    PlainColumn("last_login", "datetime", "Last login"),
    PlainColumn("seen", "datetime", "Seen"),
    PlainColumn("profile", "other", "Profile"),
)
TABLE = sa.Table(
    "customers",
    sa.MetaData(),
    sa.Column("revenue", sa.Double()),
    sa.Column("points", sa.BigInteger()),
    sa.Column("visits", sa.Numeric(10, 2)),
    sa.Column("city", sa.Text()),
    sa.Column("email", sa.Text()),
    sa.Column("verified", sa.Boolean()),
    sa.Column("joined", sa.Date()),
    sa.Column("last_login", sa.DateTime()),
    sa.Column("seen", sa.DateTime(timezone=True)),
    sa.Column("profile", sa.JSON()),
)
CUSTOMER = {
    "revenue": 120.5,
    "points": 40,
    "visits": None,
    "city": "Oslo",
    "email": "ann@example.org",
    "verified": True,
    "joined": date(2026, 2, 1),
    "last_login": datetime(2026, 2, 28, 23, 30),
    "seen": datetime(2026, 2, 28, 23, 30, tzinfo=UTC),
    "profile": None,
}
