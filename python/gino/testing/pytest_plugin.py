"""A pytest plugin: the fixture `gino_rollback`.

A test that uses it works in one transaction, which is rolled back when the test ends:

    @pytest.mark.usefixtures("gino_rollback")
    async def test_sign_up(client):            # pytest-asyncio or anyio, both do
        await client.post("/users", json={"name": "ada"})
        assert await User.query.gino.count() == 1

For all tests: `@pytest.fixture(autouse=True) def undo(gino_rollback): ...` in conftest.py. Fixtures
that write have to come after it: let them ask for it, too. It is synchronous and needs no plugin
for coroutines; it begins with the first query, and covers engines that exist as well as those that
the test, or the start-up of an application, makes.

What is different inside:

- all tasks of an event loop share one connection, also those that ask for their own
  (`db.acquire(reuse=False)`), so each sees what the others have written;
- a transaction of the code under test is a savepoint, its commit the release of it; BEGIN, COMMIT
  and ROLLBACK as SQL, too. `isolation`, `readonly` and `deferrable` are not applied, deferred
  constraints not checked;
- transactions of tasks that do not belong together come one after the other. One that waits more
  than 10 seconds for another raises RuntimeError;
- a statement that fails outside of a transaction leaves the test's transaction usable;
- sequences keep counting: they are not part of a transaction.

An event loop of its own (a test client that runs the application in a thread) has a transaction of
its own: what it writes is rolled back, but not seen by the test's loop before.

Owns: the fixture.
Never does: bind a database, or make tables: that is the application's, in fixtures of its own.
Called by: pytest, by the entry point `pytest11`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .rollback import Rollback


@pytest.fixture
def gino_rollback() -> Iterator[Rollback]:
    """Roll back all that engines of gino do from here to the end of the test.

    `await gino_rollback.undo()` does it in between. Errors: RuntimeError at the end, if the
    transaction was gone before.
    """
    rollback = Rollback()
    rollback.start()
    try:
        yield rollback
    finally:
        rollback.stop()
