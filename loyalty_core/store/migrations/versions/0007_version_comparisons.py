"""Comparisons of model versions."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "version_comparisons",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("against", sa.String(), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("version", "against", name=op.f("pk_version_comparisons")),
    )


def downgrade() -> None:
    op.drop_table("version_comparisons")
