"""Tickets and their history.

Owns: the tables `tickets_tickets` and `tickets_events`, and the type `tickets_state`.
Never does: change once it is released.
Called by: alembic.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATE = postgresql.ENUM("open", "doing", "done", name="tickets_state", create_type=False)


def upgrade() -> None:
    STATE.create(op.get_bind())
    op.create_table(
        "tickets_tickets",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Unicode(200), nullable=False),
        sa.Column("state", STATE, server_default="open", nullable=False),
        sa.Column("profile", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["tickets_members.id"], name="fk_tickets_tickets_reporter_id"
        ),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["tickets_teams.id"],
            name="fk_tickets_tickets_team_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tickets_tickets"),
    )
    op.create_index("ix_tickets_tickets_reporter_id", "tickets_tickets", ["reporter_id"])
    op.create_index("ix_tickets_tickets_team_id", "tickets_tickets", ["team_id"])
    op.create_table(
        "tickets_events",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Unicode(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets_tickets.id"],
            name="fk_tickets_events_ticket_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tickets_events"),
    )
    op.create_index("ix_tickets_events_ticket_id", "tickets_events", ["ticket_id"])


def downgrade() -> None:
    op.drop_table("tickets_events")
    op.drop_table("tickets_tickets")
    STATE.drop(op.get_bind())
