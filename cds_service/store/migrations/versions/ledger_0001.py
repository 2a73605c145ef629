"""The ledger's first tables: cards shown, their rules and suggestions, feedback, losses, tokens seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _cards()
    _answers()
    op.create_table(
        "lost",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "token", sa.Column("token", sa.String(64), primary_key=True), sa.Column("until", _MOMENT, nullable=False)
    )
    op.create_index("token_by_time", "token", ["until"])


def _cards() -> None:
    op.create_table(
        "card",
        sa.Column("card", sa.String(64), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("week", sa.String(8), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("service", "hook", "client", "tenant")),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("indicator", sa.String(16), nullable=False),
        sa.Column("one_of", sa.Boolean, nullable=False),
    )
    op.create_index("card_of_patient", "card", ["patient", "who", "at"])
    op.create_index("card_by_time", "card", ["at"])
    op.create_table(
        "card_rule",
        sa.Column("card", sa.String(64), primary_key=True),
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("newest_evidence", _MOMENT),
        sa.Column("about", sa.String(64), nullable=False),
    )
    op.create_table(
        "suggestion",
        sa.Column("suggestion", sa.String(64), primary_key=True),
        sa.Column("card", sa.String(64), nullable=False),
        sa.Column("orders", sa.Text, nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("planned", _MOMENT),
    )
    op.create_index("suggestion_of_card", "suggestion", ["card"])


def _answers() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("card", "service", "client", "tenant")),
        sa.Column("outcome", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("reason", "reason_system", "reason_display")),
        sa.Column("commented", sa.Boolean, nullable=False),
        sa.Column("comment", sa.Text),
        *(sa.Column(name, _MOMENT, nullable=False) for name in ("told_at", "received", "counts_from")),
    )
    op.create_index("feedback_of_card", "feedback", ["card"])
    op.create_index("feedback_by_time", "feedback", ["received"])
    op.create_table(
        "accepted",
        sa.Column("feedback", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("suggestion", sa.Text, primary_key=True),
    )
    op.create_index("accepted_suggestion", "accepted", ["suggestion"])


def downgrade() -> None:
    for table in ("token", "lost", "accepted", "feedback", "suggestion", "card_rule", "card"):
        op.drop_table(table)
