"""The pytest plugin with every framework's extension, on its real server: what requests write is
rolled back with the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import gino
from gino.testing.rollback import Rollback
from services import SERVICES, Service

COUNT = "SELECT count(*) FROM gino_example_users WHERE nickname = 'rolled back'"


@pytest.fixture(params=SERVICES, ids=lambda kind: kind.name)
def service(request: pytest.FixtureRequest, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service whose table is there, so that its start does not make it in the transaction."""
    monkeypatch.setenv("DB_DSN", dsn)
    monkeypatch.setenv("DB_POOL_MAX_SIZE", "2")
    monkeypatch.setenv("DB_RETRY_LIMIT", "1")
    made: Service = request.param()
    return made


@pytest.fixture
async def outside(dsn: str) -> AsyncIterator[Any]:
    """A connection that the plugin does not know."""
    engine = await gino.create_engine(dsn, min_size=0, max_size=1)
    async with engine.raw_pool.acquire() as raw:
        yield raw
    await engine.close()


async def test_requests_are_rolled_back_with_the_test(
    service: Service, outside: Any, gino_rollback: Rollback
) -> None:
    await outside.execute(
        "CREATE TABLE IF NOT EXISTS gino_example_users "
        "(id bigserial PRIMARY KEY, nickname varchar NOT NULL)"
    )
    async with service.running():
        posted = {"json": {"nickname": "rolled back"}}
        for _ in range(2):
            async with service.client.post("/users", **posted) as response:
                assert response.status == 201
                user = await response.json()
        # the test sees what requests wrote, requests what the test writes
        assert await service.db.scalar(COUNT) == 2
        await service.User.delete.where(service.User.id == user["id"]).gino.status()
        assert (await service.get(f"/users/{user['id']}"))[0] == 404
        assert await outside.fetchval(COUNT) == 0
        await gino_rollback.undo()
        assert (await service.get("/users"))[0] == 200
        assert await service.db.scalar(COUNT) == 0
        async with service.client.post("/users", **posted) as response:
            assert response.status == 201
    assert await outside.fetchval(COUNT) == 0
