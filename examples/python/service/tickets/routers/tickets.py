"""Tickets: filed, listed, changed with a history, exported.

Owns: `/tickets`.
Never does: keep a connection while a client reads slowly, but for the export, which is a cursor.
Called by: `tickets.app`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import StreamingResponse

from .. import schemas
from ..models import Event, Member, Ticket, db

router = APIRouter(prefix="/tickets", tags=["tickets"])


@router.post("", status_code=201)
async def create(body: schemas.NewTicket) -> schemas.TicketWithHistory:
    async with db.transaction():
        ticket = await Ticket.create(**body.model_dump())
        ticket.add_event(await Event.create(ticket_id=ticket.id, words="filed"))
    return schemas.TicketWithHistory.model_validate(ticket)


@router.get("")
async def index(
    state: schemas.State | None = None,
    team: int | None = None,
    label: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[schemas.ListedTicket]:
    query = Ticket.load(reporter=Member).query  # a join: each ticket comes with its reporter
    if state is not None:
        query = query.where(Ticket.state == state)
    if team is not None:
        query = query.where(Ticket.team_id == team)
    if label is not None:
        query = query.where(Ticket.profile.contains({"labels": [label]}))
    query = query.order_by(Ticket.priority, Ticket.id).limit(limit).offset(offset)
    return [schemas.ListedTicket.model_validate(ticket) for ticket in await query.gino.all()]


@router.get("/export")
async def export() -> StreamingResponse:
    return StreamingResponse(_lines(), media_type="text/csv")


@router.get("/{uid}")
async def read(uid: int) -> schemas.TicketWithHistory:
    query = Ticket.outerjoin(Event).select().where(Ticket.id == uid).order_by(Event.id)
    found = await query.gino.load(Ticket.distinct(Ticket.id).load(add_event=Event)).all()
    if not found:
        raise HTTPException(404, f"ticket {uid} is not found")
    return schemas.TicketWithHistory.model_validate(found[0])


@router.patch("/{uid}")
async def update(uid: int, body: schemas.TicketChange) -> schemas.Ticket:
    changes = body.model_dump(exclude_none=True)
    async with db.transaction():
        # nobody else changes it in between: the history has to tell what was before
        locked = Ticket.query.where(Ticket.id == uid).with_for_update()
        ticket = await db.first_or_404(locked)
        before = {name: getattr(ticket, name) for name in changes}
        if changes:
            await ticket.update(**changes).apply()
        for name, value in changes.items():
            if value != before[name]:
                words = f"{name}: {before[name]} → {value}"
                await Event.create(ticket_id=ticket.id, words=words)
    return schemas.Ticket.model_validate(ticket)


async def _lines() -> AsyncIterator[str]:
    query = Ticket.load(reporter=Member).query.order_by(Ticket.id)
    yield _line(["id", "state", "title", "reporter"])
    async with db.transaction(readonly=True):  # a cursor lives inside a transaction
        async for ticket in query.gino.iterate():
            yield _line([ticket.id, ticket.state, ticket.title, ticket.reporter.name])


def _line(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
