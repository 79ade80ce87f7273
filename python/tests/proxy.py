"""Owns a TCP proxy that stands between an application and the server, and can go away, be slow, or
do worse after so many bytes.

Never looks at what passes through. Called by the tests of outages and faults,.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from ports import free_port


@dataclass
class Fault:
    """What happens once `left` more bytes have passed one way, and to all that comes after them.

    `kind`: "close" (the end of the stream), "reset", "stall" (nothing comes through any more) or
    "garbage" (other bytes do, and then the end).
    """

    kind: str
    left: int
    is_answer: bool = True
    seed: int = 0

    @property
    def has_struck(self) -> bool:
        return self.left < 0

    def passed(self, data: bytes) -> bytes:
        """The part of `data` that still comes through."""
        whole = data[: max(self.left, 0)]
        self.left -= len(data)
        return whole


class Proxy:
    """Forwards a port of its own to the server of `dsn` while it is up."""

    def __init__(self, dsn: str) -> None:
        self._parts = urlsplit(dsn)
        self.port = free_port()
        # seconds that what the server says takes to get here; what it says meanwhile comes with it
        self.delay = 0.0
        self.round_trips = 0
        # of the connections that are made while it is set
        self.fault: Fault | None = None
        self._server: asyncio.Server | None = None
        self._is_up = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def dsn(self) -> str:
        """The address by way of this proxy."""
        login = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{login}@127.0.0.1:{self.port}"))

    async def up(self) -> None:
        """Accept connections."""
        self._is_up = True
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def down(self) -> None:
        """Refuse connections, and cut those that are there or on their way."""
        self._is_up = False
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        await self.down()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._parts.hostname is not None
        fault = self.fault
        self._writers.add(writer)
        try:
            there = await asyncio.open_connection(self._parts.hostname, self._parts.port or 5432)
        except OSError:
            self._writers.discard(writer)
            writer.transport.abort()
            return
        self._writers.add(there[1])
        if not self._is_up or writer.transport.is_closing():
            writer.transport.abort()
            there[1].transport.abort()
        for task in (
            asyncio.create_task(self._forward(reader, there[1], writer, fault)),
            asyncio.create_task(self._forward(there[0], writer, there[1], fault, is_answer=True)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        fault: Fault | None,
        is_answer: bool = False,
    ) -> None:
        try:
            while data := await reader.read(65536):
                if is_answer and self.delay:
                    self.round_trips += 1
                    await asyncio.sleep(self.delay)
                    while len(more := await _what_is_there(reader)):
                        data += more
                if writer.is_closing():  # uvloop's streams refuse to write then
                    return
                if fault is not None and fault.is_answer is is_answer:
                    whole = fault.passed(data)
                    if fault.has_struck:
                        await _strike(fault, whole, writer, back)
                        if fault.kind == "stall":
                            continue
                        return
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


async def _strike(
    fault: Fault, whole: bytes, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
) -> None:
    writer.write(whole)
    if fault.kind == "garbage":
        writer.write(random.Random(fault.seed).randbytes(20_000))
        await writer.drain()
    if fault.kind == "reset":
        # both ends hear of it at once, and what is on its way is lost
        writer.transport.abort()
        back.transport.abort()
    elif fault.kind != "stall":
        back.close()


async def _what_is_there(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(0.005):
            return await reader.read(65536)
    except TimeoutError:
        return b""
