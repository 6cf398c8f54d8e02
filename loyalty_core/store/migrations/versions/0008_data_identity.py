"""Sizes and members of segments know which data they were computed on."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("segments", sa.Column("members_data", sa.String(), nullable=True))
    op.add_column("segment_sizes", sa.Column("data", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("segment_sizes", "data")
    op.drop_column("segments", "members_data")
