"""What clients send and get, as FastAPI checks it.

Owns: the shapes of requests and answers.
Never does: touch the database.
Called by: the routers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["open", "doing", "done"]


class _FromModel(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class NewTeam(BaseModel):
    name: str = Field(min_length=1, max_length=80)


class NewMember(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)


class MemberChange(BaseModel):
    name: str | None = Field(default=None, min_length=1, max_length=80)
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)


class Member(_FromModel):
    id: int
    team_id: int
    name: str
    email: str


class TeamCount(_FromModel):
    id: int
    name: str
    members: int
    open_tickets: int


class Team(_FromModel):
    id: int
    name: str
    members: list[Member] = []


class NewTicket(BaseModel):
    team_id: int
    reporter_id: int
    title: str = Field(min_length=1, max_length=200)
    priority: int = Field(default=3, ge=1, le=5)
    labels: list[str] = []


class TicketChange(BaseModel):
    state: State | None = None
    title: str | None = Field(default=None, min_length=1, max_length=200)
    priority: int | None = Field(default=None, ge=1, le=5)
    labels: list[str] | None = None


class Event(_FromModel):
    words: str
    at: datetime


class Ticket(_FromModel):
    id: int
    team_id: int
    title: str
    state: State
    priority: int
    labels: list[str] | None
    created_at: datetime


class ListedTicket(Ticket):
    reporter: Member


class TicketWithHistory(Ticket):
    events: list[Event] = []
