"""Teams and members, by way of HTTP."""

from __future__ import annotations

from httpx import AsyncClient

from tickets.models import Member, Team


async def test_a_team_comes_with_its_members_in_order(client: AsyncClient) -> None:
    team = (await client.post("/teams", json={"name": "core"})).json()
    for name in ("fantix", "daisy"):
        body = {"name": name, "email": f"{name}@example.org"}
        answer = await client.post(f"/teams/{team['id']}/members", json=body)
        assert answer.status_code == 201
    found = (await client.get(f"/teams/{team['id']}")).json()
    assert [member["name"] for member in found["members"]] == ["daisy", "fantix"]


async def test_a_team_without_members_is_found(client: AsyncClient) -> None:
    team = await Team.create(name="empty")
    assert (await client.get(f"/teams/{team.id}")).json()["members"] == []
    assert (await client.get("/teams/0")).status_code == 404


async def test_teams_are_listed_with_counts(client: AsyncClient) -> None:
    team = await Team.create(name="counted")
    await Member.create(team_id=team.id, name="one", email="one@example.org")
    listed = (await client.get("/teams")).json()
    assert listed == [{"id": team.id, "name": "counted", "members": 1, "open_tickets": 0}]


async def test_an_email_belongs_to_one_member(client: AsyncClient) -> None:
    team = await Team.create(name="core")
    body = {"name": "twin", "email": "twin@example.org"}
    assert (await client.post(f"/teams/{team.id}/members", json=body)).status_code == 201
    answer = await client.post(f"/teams/{team.id}/members", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "uq_tickets_members_email: already taken",
    )


async def test_a_member_is_changed_and_deleted(client: AsyncClient) -> None:
    team = await Team.create(name="core")
    member = await Member.create(team_id=team.id, name="old", email="old@example.org")
    path = f"/members/{member.id}"
    assert (await client.patch(path, json={"name": "new"})).json()["name"] == "new"
    assert (await client.get(path)).json()["email"] == "old@example.org"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_deleting_a_team_deletes_its_members(client: AsyncClient) -> None:
    team = await Team.create(name="short")
    await Member.create(team_id=team.id, name="gone", email="gone@example.org")
    assert (await client.delete(f"/teams/{team.id}")).status_code == 204
    assert await Member.query.gino.all() == []


async def test_a_bad_email_is_refused(client: AsyncClient) -> None:
    body = {"name": "x", "email": "nowhere"}
    assert (await client.post("/teams/1/members", json=body)).status_code == 422
