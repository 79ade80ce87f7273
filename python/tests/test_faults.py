"""A network that cuts, resets, stalls and scrambles a whole session after any byte, either way.

Every 97th byte is tried; GINO_TEST_CUT_STEP=1 tries every one.
"""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ledger import Ledger, is_balanced, open_files, settled, until_gone

from gino import create_engine
from gino import exceptions as exc
from proxy import Fault, Proxy

STEP = int(os.environ.get("GINO_TEST_CUT_STEP") or 97)
PATIENCE = 10.0
NAME = "gino_faulty"

pytestmark = pytest.mark.timeout(1800 if STEP < 97 else 120)


@pytest.fixture
async def proxy(dsn: str) -> AsyncIterator[Proxy]:
    async with Proxy(dsn) as made:
        await made.up()
        yield made


@pytest.fixture
async def witness(dsn: str) -> AsyncIterator[Any]:
    engine = await create_engine(dsn, min_size=1, max_size=1)
    yield engine
    await engine.close()


def heard(*_: object) -> None:
    """Nobody says anything on that channel."""


async def session(engine: Any, ledger: Ledger) -> None:
    """All that a connection can do, once; it writes the parts 1, 2 and 3 in one transaction."""
    work = ledger.begin()
    async with engine.acquire() as connection:
        raw = connection.raw_connection
        await raw.add_listener("gino_faults", heard)
        begun = connection.transaction()
        await begun
        await connection.status("SET LOCAL gino.mark = 'used'")
        prepared = await connection.prepare("SELECT $1::int + 1")
        assert await prepared.scalar(work) == work + 1
        rows = await connection.all("SELECT n, repeat('x', n) FROM generate_series(1, 30) AS n")
        assert [len(text) for _, text in rows] == list(range(1, 31))
        count = 0
        async for _ in connection.iterate("SELECT generate_series(1, 60)"):
            count += 1
        assert count == 60
        await raw.copy_records_to_table(ledger.table, records=[(work, 1)], columns=["work", "part"])
        out = io.BytesIO()
        await raw.copy_from_query("SELECT generate_series(1, 50)", output=out)
        assert len(out.getvalue().split()) == 50
        async with connection.transaction():
            await connection.status(ledger.insert, work, 2)
        await connection.status(ledger.insert, work, 3)
        ledger.commits(work, {1, 2, 3})
        await begun.commit()
        ledger.committed(work, {1, 2, 3})
        await raw.remove_listener("gino_faults", heard)


def lazy(dsn: str, **settings: Any) -> Any:
    """An engine that has no connection yet."""
    return create_engine(f"{dsn}?application_name={NAME}", min_size=0, max_size=1, **settings)


async def length(proxy: Proxy, ledger: Ledger, is_answer: bool) -> int:
    """How many bytes a session that nothing happens to has one way."""
    proxy.fault = whole = Fault("close", 10**9, is_answer)
    engine = await lazy(proxy.dsn)
    await session(engine, ledger)
    await engine.close()
    proxy.fault = None
    return 10**9 - whole.left


async def undergo(
    proxy: Proxy, ledger: Ledger, fault: Fault, allowed: tuple[type[BaseException], ...]
) -> bool:
    """Have a session with the fault; if it fails, have one without on the same engine. Returns
    whether it failed: the fault may also strike when all has been said.
    """
    proxy.fault = fault
    engine = await lazy(proxy.dsn)
    failed = False
    try:
        async with asyncio.timeout(PATIENCE):
            await session(engine, ledger)
    except allowed:
        failed = True
    proxy.fault = None
    if failed:
        async with asyncio.timeout(PATIENCE):
            await session(engine, ledger)
        await settled(engine)
    await engine.close(1)
    return failed


@pytest.mark.parametrize("is_answer", [True, False], ids=["answers", "requests"])
@pytest.mark.parametrize("kind", ["close", "reset", "garbage"])
async def test_session_cut_after_any_byte_fails_once_and_heals(
    dsn: str, proxy: Proxy, witness: Any, kind: str, is_answer: bool
) -> None:
    ledger = Ledger(dsn, f"gino_faults_{kind}")
    await ledger.create()
    total = await length(proxy, ledger, is_answer)
    # who has nothing to do with it must not hear of it
    bystander = await create_engine(proxy.dsn, min_size=1, max_size=1)
    own = await bystander.scalar("SELECT pg_backend_pid()")
    files, tasks = open_files(), len(asyncio.all_tasks())
    # what was made of other bytes may be anything that the driver or the server can say
    scrambled = kind == "garbage"
    allowed = exc.Error if scrambled else exc.OperationalError
    failures = 0
    cuts = range(0, total, STEP)
    for left in cuts:
        fault = Fault(kind, left, is_answer, seed=left)
        failures += await undergo(proxy, ledger, fault, (allowed,))
        assert await bystander.scalar("SELECT pg_backend_pid()") == own
    assert failures > len(cuts) * 0.8, f"{failures} of {len(cuts)}"
    await until_gone(witness, NAME)
    async with asyncio.timeout(PATIENCE):
        while open_files() > files or len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)
    await bystander.close()
    balance = await ledger.balance()
    assert is_balanced(balance), balance
    print(
        f"fault {kind} {'down' if is_answer else 'up'}: {len(cuts)} cuts, {failures} failed",
        balance,
    )


@pytest.mark.filterwarnings("ignore:.*notification listener:gino.exceptions.InterfaceWarning")
@pytest.mark.parametrize("is_answer", [True, False], ids=["answers", "requests"])
async def test_session_that_stalls_ends_with_its_time_limit(
    dsn: str, witness: Any, is_answer: bool
) -> None:
    ledger = Ledger(dsn, "gino_faults_stall")
    await ledger.create()
    async with Proxy(dsn) as measured:
        await measured.up()
        total = await length(measured, ledger, is_answer)

    async def stall(left: int) -> bool:
        async with Proxy(dsn) as proxy:
            await proxy.up()
            engine = await lazy(proxy.dsn, command_timeout=0.3, timeout=1)
            proxy.fault = Fault("stall", left, is_answer)
            failed = False
            try:
                # the connection that nothing comes from is given up once it has had 10 s to heal
                async with asyncio.timeout(2 * PATIENCE):
                    await session(engine, ledger)
            except exc.OperationalError:
                failed = True
            proxy.fault = None
            async with (
                asyncio.timeout(2 * PATIENCE),
                engine.acquire(timeout=2 * PATIENCE) as next_one,
            ):
                # not within the engine's 0.3 s: all connect anew at the same time
                patient = next_one.execution_options(timeout=PATIENCE)
                assert await patient.scalar("SELECT 1") == 1
            await settled(engine)
            await engine.close(1)
            return failed

    stalls = range(0, total, max(total // 12, STEP))
    *failed, _ = await asyncio.gather(*map(stall, stalls))
    # the last may strike when all has been said: sessions differ by a few bytes
    assert all(failed), [left for left, one in zip(stalls, failed, strict=False) if not one]
    await until_gone(witness, NAME, 30)
    balance = await ledger.balance()
    assert is_balanced(balance), balance


async def test_commit_that_is_not_answered_ends_with_the_command_timeout(
    proxy: Proxy, witness: Any
) -> None:
    engine = await lazy(proxy.dsn, command_timeout=0.3)
    async with engine.acquire() as connection:
        transaction = connection.transaction()
        await transaction
        proxy.delay = 1.0
        with pytest.raises(TimeoutError, match="300ms"):
            async with asyncio.timeout(PATIENCE):
                await transaction.commit()
        proxy.delay = 0.0
    await settled(engine)
    await engine.close()
    await until_gone(witness, NAME)


async def test_slow_network_changes_nothing(dsn: str, proxy: Proxy, witness: Any) -> None:
    ledger = Ledger(dsn, "gino_faults_slow")
    await ledger.create()
    proxy.delay = 0.01
    engine = await lazy(proxy.dsn)
    async with asyncio.timeout(3 * PATIENCE):
        for _ in range(3):
            await session(engine, ledger)
    await settled(engine)
    await engine.close()
    await until_gone(witness, NAME)
    balance = await ledger.balance()
    assert is_balanced(balance), balance
    assert balance["kept"] == 3
