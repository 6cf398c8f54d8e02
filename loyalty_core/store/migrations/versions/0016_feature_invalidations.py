"""The customers whose cached features other processes remove, too."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feature_invalidations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("customer_ids", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_invalidations")),
    )
    op.create_index(op.f("ix_feature_invalidations_at"), "feature_invalidations", ["at"])


def downgrade() -> None:
    op.drop_table("feature_invalidations")
