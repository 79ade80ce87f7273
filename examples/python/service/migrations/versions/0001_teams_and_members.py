"""Teams and members.

Owns: the tables `tickets_teams` and `tickets_members`.
Never does: change once it is released.
Called by: alembic.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tickets_teams",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Unicode(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tickets_teams"),
        sa.UniqueConstraint("name", name="uq_tickets_teams_name"),
    )
    op.create_table(
        "tickets_members",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Unicode(80), nullable=False),
        sa.Column("email", sa.Unicode(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["tickets_teams.id"],
            name="fk_tickets_members_team_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tickets_members"),
        sa.UniqueConstraint("email", name="uq_tickets_members_email"),
    )
    op.create_index("ix_tickets_members_team_id", "tickets_members", ["team_id"])


def downgrade() -> None:
    op.drop_table("tickets_members")
    op.drop_table("tickets_teams")
