"""A server that lies gets a ProtocolError (InternalError), is hung up on, and costs no memory."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import liar as the
import pytest
from ledger import resident
from liar import BOUND, Liar, claiming, message, ready, row

from gino import create_engine
from gino import exceptions as exc

MIB = 1024 * 1024
PATIENCE = 10.0

Lies = Callable[[], AsyncIterator[bytes]]


def once(*parts: bytes) -> Lies:
    async def lies() -> AsyncIterator[bytes]:
        yield b"".join(parts)

    return lies


def for_ever(part: bytes, before: bytes = b"", limit: int = 200 * MIB) -> Lies:
    """The same again and again, in portions, up to more than anybody should keep."""
    portion = part * max(1, MIB // len(part))

    async def lies() -> AsyncIterator[bytes]:
        yield before
        for _ in range(limit // len(portion)):
            yield portion

    return lies


async def is_found_out(liar: Liar, expected: type[Exception] = exc.InternalError) -> Exception:
    """Ask the liar something; gives back what came of it."""
    before = resident()
    async with liar as address:
        engine = await create_engine(address)
        with pytest.raises(expected) as info:
            async with asyncio.timeout(PATIENCE):
                await engine.scalar("SELECT 1")
        await asyncio.wait_for(liar.hung_up.wait(), PATIENCE)
        assert engine._native.figures["size"] == 0
        await engine.close(1)
    assert resident() - before < 64 * MIB
    return info.value


ANSWERS = {
    "row out of order": [row(b"1")],
    "parse complete": [the.PARSED],
    "ready at once": [ready()],
    "bound twice": [BOUND, BOUND],
    "ready without an end": [BOUND, ready()],
    "row after the end": [BOUND, message(b"C", b"SELECT 0\0"), row(b"1")],
    "unknown status": [BOUND, message(b"C", b"SELECT 0\0"), ready(b"?")],
    "status too long": [BOUND, message(b"C", b"SELECT 0\0"), ready(b"II")],
    "unknown message": [BOUND, message(b"x", b"what?")],
    "authentication again": [BOUND, the.AUTH_OK],
    "text without end": [BOUND, message(b"C", b"no end")],
    "error without end": [BOUND, message(b"E", b"SERROR")],
    "length 3": [claiming(b"2", 3)],
    "length 0": [claiming(b"2", 0)],
    "4 GiB": [BOUND, claiming(b"D", 0xFFFFFFFF, b"\0\1")],
    "2 GiB": [BOUND, claiming(b"D", 0x80000000, b"\0\1")],
    "more than 1 GiB": [BOUND, claiming(b"D", 0x40000005, b"\0\1")],
    "row with too many cells": [BOUND, row(b"1", b"2")],
    "row with none": [BOUND, row()],
    "65,535 cells claimed": [BOUND, message(b"D", b"\xff\xff")],
    "cell longer than its row": [BOUND, message(b"D", b"\0\1" + struct.pack("!I", 2**31 - 1))],
    "negative cell": [BOUND, message(b"D", b"\0\1\x80\0\0\0")],
    "garbage": [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_lie_in_an_answer_is_found_out(name: str) -> None:
    await is_found_out(Liar(once(*ANSWERS[name])))


PREPARES = {
    "bound": [BOUND],
    "ready without columns": [the.PARSED, the.PARAMETERS, ready()],
    "65,535 parameters": [the.PARSED, message(b"t", b"\xff\xff")],
    "65,535 columns": [the.PARSED, the.PARAMETERS, message(b"T", b"\xff\xffa\0")],
    "column cut": [the.PARSED, the.PARAMETERS, message(b"T", b"\0\1n\0\0")],
}


@pytest.mark.parametrize("name", PREPARES)
async def test_lie_about_a_statement_is_found_out(name: str) -> None:
    await is_found_out(Liar(once(), prepared=b"".join(PREPARES[name])))


BEGUN = message(b"C", b"BEGIN\0") + ready(b"T")
COMMITTED = message(b"C", b"COMMIT\0") + ready()
TRANSACTIONS: dict[str, tuple[bytes, bytes, type[Exception] | None]] = {
    "no lie": (BEGUN, COMMITTED, None),
    # what a server says of a transaction in which something has failed
    "rolled back": (BEGUN, message(b"C", b"ROLLBACK\0") + ready(), exc.InterfaceError),
    "not begun": (message(b"C", b"BEGIN\0") + ready(), COMMITTED, exc.InternalError),
    "something else": (BEGUN, message(b"C", b"SELECT 1\0") + ready(), exc.InternalError),
    "nothing": (BEGUN, message(b"I") + ready(), exc.InternalError),
}


@pytest.mark.parametrize("name", TRANSACTIONS)
async def test_lie_about_a_transaction_is_found_out(name: str) -> None:
    begin, commit, expected = TRANSACTIONS[name]
    liar = Liar(once(), scripts=(begin, commit))
    async with liar as address:
        engine = await create_engine(address)
        async with asyncio.timeout(PATIENCE):
            if expected is None:
                async with engine.transaction():
                    pass
            else:
                with pytest.raises(expected) as info:
                    async with engine.transaction():
                        pass
                assert not isinstance(info.value, exc.OperationalError)
            if expected is exc.InternalError:
                await liar.hung_up.wait()
            elif expected is not None:
                assert "nothing was committed" in str(info.value)
        engine._native.terminate()


STARTS = {
    "ready at once": [ready()],
    "parse complete": [the.PARSED],
    "unknown authentication": [message(b"R", struct.pack("!I", 99))],
    "empty authentication": [message(b"R")],
    "welcome twice": [the.AUTH_OK, the.AUTH_OK],
    "key too long": [the.AUTH_OK, message(b"K", b"\0" * 300)],
    "unknown status": [the.AUTH_OK, ready(b"x")],
    "128 KiB claimed": [claiming(b"R", 0x20000)],
    "4 GiB claimed": [claiming(b"R", 0xFFFFFFFF)],
    "another protocol": [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
}


@pytest.mark.parametrize("name", STARTS)
async def test_lie_during_start_up_is_found_out(name: str) -> None:
    # some of these are what a peer says that just cannot be logged in to
    expected = (exc.InternalError, exc.OperationalError)
    await is_found_out(Liar(once(*STARTS[name]), welcome=None), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "oid", [0, 16, 20, 21, 114, 600, 1114, 1184, 1700, 2950, 3802, 3904, 1007, 2249]
)
async def test_value_of_another_type_than_told_is_an_error_or_a_value(oid: int) -> None:
    prepared = the.PARSED + the.PARAMETERS + the.columns(oid=oid, size=-1) + ready()
    answer = [BOUND, row(b"\xff\xff\xff"), message(b"C", b"SELECT 1\0"), ready()]
    before = resident()
    async with Liar(once(*answer), prepared=prepared) as address:
        engine = await create_engine(address)
        async with asyncio.timeout(PATIENCE):
            # what it is not: a hang, a panic, memory without end
            with pytest.raises(exc.DatabaseError):
                await engine.scalar("SELECT 1")
        engine._native.terminate()
    assert resident() - before < 64 * MIB


FLOODS = {
    "notices": message(b"N", b"SNOTICE\0Mx\0\0"),
    "notifications": message(b"A", struct.pack("!I", 1) + b"channel\0payload\0"),
    "the same setting": message(b"S", b"TimeZone\0UTC\0"),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_endless_messages_take_no_memory(name: str) -> None:
    before = resident()
    async with Liar(for_ever(FLOODS[name], before=BOUND)) as address:
        engine = await create_engine(address, command_timeout=1)
        with pytest.raises((exc.OperationalError, exc.InternalError, TimeoutError)):
            async with asyncio.timeout(PATIENCE * 2):
                await engine.scalar("SELECT 1")
        engine._native.terminate()
    assert resident() - before < 64 * MIB


async def test_settings_without_end_are_refused() -> None:
    async def lies() -> AsyncIterator[bytes]:
        for number in range(300):
            yield message(b"S", f"setting{number}\0".encode() + b"x" * 40_000 + b"\0")

    await is_found_out(Liar(lies))


async def test_claim_of_a_gibibyte_costs_what_arrives() -> None:
    async def lies() -> AsyncIterator[bytes]:
        yield BOUND + claiming(b"D", 0x3FFFFFFF, b"\0\1")
        await asyncio.sleep(0.3)

    liar = Liar(lies)
    before = resident()
    async with liar as address:
        engine: Any = await create_engine(address, command_timeout=0.2)
        with pytest.raises(TimeoutError):
            await engine.scalar("SELECT 1")
        assert resident() - before < 16 * MIB
        engine._native.terminate()
        await asyncio.wait_for(liar.hung_up.wait(), PATIENCE)
