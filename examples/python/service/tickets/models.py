"""The database and its models.

Owns: `db`, and the tables as Python sees them. `alembic revision --autogenerate` compares them with
the database.
Never does: handle requests.
Called by: the routers, and Alembic's environment.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql import JSONB

from gino.ext.starlette import Gino

from .settings import settings

db: Any = Gino(
    dsn=settings.dsn,
    pool_min_size=settings.pool_min_size,
    pool_max_size=settings.pool_max_size,
    retry_limit=settings.retry_limit,
    retry_interval=1,
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    },
)

STATES = ("open", "doing", "done")


class Team(db.Model):
    __tablename__ = "tickets_teams"

    id = db.Column(db.Integer(), primary_key=True)
    name = db.Column(db.Unicode(80), nullable=False, unique=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.members: list[Member] = []

    def add_member(self, member: Member) -> None:
        self.members.append(member)


class Member(db.Model):
    __tablename__ = "tickets_members"

    id = db.Column(db.Integer(), primary_key=True)
    team_id = db.Column(db.ForeignKey(Team.id, ondelete="CASCADE"), nullable=False, index=True)
    name = db.Column(db.Unicode(80), nullable=False)
    email = db.Column(db.Unicode(200), nullable=False, unique=True)


class Ticket(db.Model):
    __tablename__ = "tickets_tickets"

    id = db.Column(db.BigInteger(), primary_key=True)
    team_id = db.Column(db.ForeignKey(Team.id, ondelete="CASCADE"), nullable=False, index=True)
    reporter_id = db.Column(db.ForeignKey(Member.id), nullable=False, index=True)
    title = db.Column(db.Unicode(200), nullable=False)
    state = db.Column(db.Enum(*STATES, name="tickets_state"), nullable=False, server_default="open")
    profile = db.Column(JSONB(), nullable=False, server_default="{}")
    created_at = db.Column(db.DateTime(timezone=True), nullable=False, server_default=db.func.now())

    priority = db.IntegerProperty(default=3)  # both live inside `profile`
    labels = db.ArrayProperty()

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.events: list[Event] = []

    def add_event(self, event: Event) -> None:
        self.events.append(event)


class Event(db.Model):
    """What happened to a ticket."""

    __tablename__ = "tickets_events"

    id = db.Column(db.BigInteger(), primary_key=True)
    ticket_id = db.Column(db.ForeignKey(Ticket.id, ondelete="CASCADE"), nullable=False, index=True)
    words = db.Column(db.Unicode(), nullable=False)
    at = db.Column(db.DateTime(timezone=True), nullable=False, server_default=db.func.now())
