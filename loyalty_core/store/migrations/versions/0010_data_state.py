"""Sizes of segments record the state of their data, comparisons of versions the data and its state."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("segments", "fault", new_column_name="error")
    op.add_column("segment_sizes", sa.Column("data_state", sa.String(), nullable=True))
    op.add_column("version_comparisons", sa.Column("data", sa.String(), nullable=True))
    op.add_column("version_comparisons", sa.Column("data_state", sa.String(), nullable=True))


def downgrade() -> None:
    op.alter_column("segments", "error", new_column_name="fault")
    op.drop_column("version_comparisons", "data_state")
    op.drop_column("version_comparisons", "data")
    op.drop_column("segment_sizes", "data_state")
