"""Each answer gets a number of its own: it may wait in the spool, and moving it twice must keep it once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("feedback", sa.Column("entry", sa.String(64)))
    op.create_index("feedback_entry", "feedback", ["entry"], unique=True)


def downgrade() -> None:
    op.drop_index("feedback_entry", "feedback")
    op.drop_column("feedback", "entry")
