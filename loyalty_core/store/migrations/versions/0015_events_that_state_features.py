"""Which events state features, marked so that they are found without reading all events of a customer."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INDEX = "ix_events_customer_id"


def upgrade() -> None:
    op.add_column("events", sa.Column("states_features", sa.Boolean(), server_default=sa.false(), nullable=False))
    events = sa.table("events", sa.column("data", sa.JSON()), sa.column("states_features", sa.Boolean()))
    stated = sa.cast(events.c.data, sa.Text).contains('"features"')
    op.execute(sa.update(events).where(stated).values(states_features=True))
    op.create_index(
        _INDEX,
        "events",
        ["customer_id"],
        sqlite_where=sa.text("states_features = 1"),
        postgresql_where=sa.text("states_features"),
    )


def downgrade() -> None:
    op.drop_index(_INDEX, "events")
    op.drop_column("events", "states_features")
