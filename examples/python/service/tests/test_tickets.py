"""Tickets and their history, by way of HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient

from tickets.models import Member, Team, Ticket


@pytest.fixture
async def reporter(client: AsyncClient) -> Any:
    team = await Team.create(name="core")
    return await Member.create(team_id=team.id, name="daisy", email="daisy@example.org")


async def filed(client: AsyncClient, reporter: Any, title: str, **more: Any) -> Any:
    body = {"team_id": reporter.team_id, "reporter_id": reporter.id, "title": title, **more}
    answer = await client.post("/tickets", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_ticket_has_defaults_and_a_history(client: AsyncClient, reporter: Any) -> None:
    ticket = await filed(client, reporter, "it leaks", labels=["pool"])
    assert (ticket["state"], ticket["priority"], ticket["labels"]) == ("open", 3, ["pool"])
    path = f"/tickets/{ticket['id']}"
    changed = await client.patch(path, json={"state": "done", "priority": 1})
    assert changed.json()["state"] == "done"
    words = [event["words"] for event in (await client.get(path)).json()["events"]]
    assert words == ["filed", "state: open → done", "priority: 3 → 1"]


async def test_tickets_are_listed_by_state_label_and_priority(
    client: AsyncClient, reporter: Any
) -> None:
    await filed(client, reporter, "low", priority=5)
    await filed(client, reporter, "high", priority=1, labels=["ui", "pool"])
    done = await filed(client, reporter, "done")
    await client.patch(f"/tickets/{done['id']}", json={"state": "done"})

    async def titles(**query: Any) -> list[str]:
        listed = (await client.get("/tickets", params=query)).json()
        assert all(ticket["reporter"]["name"] == "daisy" for ticket in listed)
        return [ticket["title"] for ticket in listed]

    assert await titles() == ["high", "done", "low"]
    assert await titles(state="open") == ["high", "low"]
    assert await titles(label="pool") == ["high"]
    assert await titles(limit=1, offset=1) == ["done"]
    assert await titles(team=reporter.team_id + 1) == []


async def test_a_ticket_needs_a_reporter_that_exists(client: AsyncClient, reporter: Any) -> None:
    body = {"team_id": reporter.team_id, "reporter_id": 0, "title": "by nobody"}
    assert (await client.post("/tickets", json=body)).status_code == 409


async def test_a_change_that_is_refused_leaves_nothing(client: AsyncClient, reporter: Any) -> None:
    ticket = await filed(client, reporter, "stays")
    assert (await client.patch("/tickets/0", json={"state": "done"})).status_code == 404
    answer = await client.patch(f"/tickets/{ticket['id']}", json={"state": "lost"})
    assert answer.status_code == 422
    assert (await Ticket.get(ticket["id"])).state == "open"


async def test_all_tickets_are_exported(client: AsyncClient, reporter: Any) -> None:
    tickets = [await filed(client, reporter, f"ticket, {number}") for number in range(3)]
    lines = (await client.get("/tickets/export")).text.splitlines()
    assert lines[0] == "id,state,title,reporter"
    assert lines[1:] == [f'{t["id"]},open,"{t["title"]}",daisy' for t in tickets]


async def test_health_tells_the_servers_version(client: AsyncClient) -> None:
    answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["database"][0].isdigit()
