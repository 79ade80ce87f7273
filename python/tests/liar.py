"""Owns a server that speaks PostgreSQL's protocol as far as it likes, and lies where it is told to.

Never stores anything. Called by test_liar.py. Messages: PostgreSQL manual, "Message Formats".
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104


def message(tag: bytes, body: bytes = b"") -> bytes:
    """A message with the length that is due to it."""
    return claiming(tag, len(body) + 4, body)


def claiming(tag: bytes, length: int, body: bytes = b"") -> bytes:
    """A message that claims another length, itself included."""
    return tag + struct.pack("!I", length) + body


def ready(status: bytes = b"I") -> bytes:
    return message(b"Z", status)


def columns(name: bytes = b"n", oid: int = 23, size: int = 4, format: int = 0) -> bytes:
    """A RowDescription of one column."""
    field = struct.pack("!IhIhih", 0, 0, oid, size, -1, format)
    return message(b"T", struct.pack("!H", 1) + name + b"\0" + field)


def row(*values: bytes) -> bytes:
    cells = b"".join(struct.pack("!I", len(value)) + value for value in values)
    return message(b"D", struct.pack("!H", len(values)) + cells)


AUTH_OK = message(b"R", struct.pack("!I", 0))
WELCOME = AUTH_OK + message(b"K", struct.pack("!II", 7, 9)) + ready()
PARSED = message(b"1")
BOUND = message(b"2")
PARAMETERS = message(b"t", struct.pack("!H", 0))
PREPARED = PARSED + PARAMETERS + columns()
# the answer to `SELECT pg_backend_pid()`, by which a client knows whether a pooler is between
WHO = columns(b"pg_backend_pid") + row(b"7") + message(b"C", b"SELECT 1\0") + ready()


class Liar:
    """Says `welcome` to who starts up, `scripts` to what comes as scripts, then `prepared` to a
    Parse, then what `lies` yields to whatever comes next; notes whether the client hung up.
    """

    def __init__(
        self,
        lies: Callable[[], AsyncIterator[bytes]],
        welcome: bytes | None = WELCOME,
        prepared: bytes = PREPARED + ready(),
        scripts: Sequence[bytes] = (),
    ) -> None:
        self._lies = lies
        self._scripts = scripts
        self._welcome = welcome
        self._prepared = prepared
        self._server: asyncio.Server | None = None
        self.hung_up = asyncio.Event()

    async def __aenter__(self) -> str:
        """The address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://liar@127.0.0.1:{port}/lies?min_size=0&max_size=1"

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
            while await reader.read(65536):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.hung_up.set()
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            body = await reader.readexactly(length - 4)
            if struct.unpack("!I", body[:4])[0] not in (SSL_REQUEST, GSS_REQUEST):
                break
            writer.write(b"N")
        if self._welcome is not None:
            writer.write(self._welcome)
            scripts = iter((WHO, *self._scripts))
            while (tag := await _request(reader)) == b"Q":
                if (answer := next(scripts, None)) is None:
                    break
                writer.write(answer)
            if tag == b"P":
                writer.write(self._prepared)
                await _request(reader)
        async for lie in self._lies():
            writer.write(lie)
            await writer.drain()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """The first type of the messages up to the next that wants an answer."""
    first = b""
    while True:
        tag, length = struct.unpack("!cI", await reader.readexactly(5))
        await reader.readexactly(length - 4)
        first = first or tag
        if tag in b"QS":
            return first
