"""Teams and their members.

Owns: `/teams` and `/members`.
Never does: ask once for each row: a list is one query.
Called by: `tickets.app`.
"""

from __future__ import annotations

from fastapi import APIRouter, HTTPException

from .. import schemas
from ..models import Member, Team, Ticket, db

router = APIRouter(tags=["teams"])


@router.post("/teams", status_code=201)
async def create_team(body: schemas.NewTeam) -> schemas.Team:
    return schemas.Team.model_validate(await Team.create(name=body.name))


@router.get("/teams")
async def list_teams() -> list[schemas.TeamCount]:
    members = (
        db.select([db.func.count(Member.id)]).where(Member.team_id == Team.id).scalar_subquery()
    )
    open_tickets = (
        db.select([db.func.count(Ticket.id)])
        .where((Ticket.team_id == Team.id) & (Ticket.state == "open"))
        .scalar_subquery()
    )
    query = db.select(
        [Team.id, Team.name, members.label("members"), open_tickets.label("open_tickets")]
    )
    rows = await query.order_by(Team.name).gino.all()
    return [schemas.TeamCount.model_validate(dict(row.items())) for row in rows]


@router.get("/teams/{uid}")
async def read_team(uid: int) -> schemas.Team:
    query = Team.outerjoin(Member).select().where(Team.id == uid).order_by(Member.name)
    loader = Team.distinct(Team.id).load(add_member=Member)
    # one query for the team and all of its members
    found = await query.gino.load(loader).all()
    if not found:
        raise HTTPException(404, f"team {uid} is not found")
    return schemas.Team.model_validate(found[0])


@router.delete("/teams/{uid}", status_code=204)
async def delete_team(uid: int) -> None:
    team = await Team.get_or_404(uid)
    await team.delete()


@router.post("/teams/{uid}/members", status_code=201)
async def create_member(uid: int, body: schemas.NewMember) -> schemas.Member:
    async with db.transaction():
        await Team.get_or_404(uid)
        member = await Member.create(team_id=uid, name=body.name, email=body.email)
    return schemas.Member.model_validate(member)


@router.get("/members/{uid}")
async def read_member(uid: int) -> schemas.Member:
    return schemas.Member.model_validate(await Member.get_or_404(uid))


@router.patch("/members/{uid}")
async def update_member(uid: int, body: schemas.MemberChange) -> schemas.Member:
    member = await Member.get_or_404(uid)
    await member.update(**body.model_dump(exclude_none=True)).apply()
    return schemas.Member.model_validate(member)


@router.delete("/members/{uid}", status_code=204)
async def delete_member(uid: int) -> None:
    member = await Member.get_or_404(uid)
    await member.delete()
