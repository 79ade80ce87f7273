"""Owns the servers with TLS: a gateway in front of any server, and a cluster whose programs can.

Never trusts what a client says. Called by the tests of encryption, and as a program by
scripts/test:
`python tls.py COMMAND…` runs a command, the tests of the Rust face, with gateways in front of the
server of GINO_TEST_DSN. It finds them in GINO_TEST_TLS_GATEWAYS as `name=port,…`, the certificates
in GINO_TEST_TLS_FILES, and a real server that encrypts in GINO_TEST_TLS_DSN, if there is one.

The bundled PostgreSQL is built without TLS. Where there is another one (GINO_TEST_TLS_POSTGRES has
the directory of its programs, else /usr/lib/postgresql is looked at), it is a real server that
encrypts; the gateway takes its place elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from certificates import make

from cluster import Cluster, Variant, cluster

SSL_REQUEST = struct.pack("!II", 8, 80877103)
SHUTDOWN = 0.05  # seconds

RULES = """
hostssl all gino_cert all cert
hostssl all gino_both all scram-sha-256 clientcert=verify-full
hostssl all gino_only_tls all scram-sha-256
hostnossl all gino_only_tls all reject
hostssl all gino_only_plain all reject
hostnossl all gino_only_plain all scram-sha-256
"""
ROLES = ("gino_cert", "gino_both", "gino_only_tls", "gino_only_plain")


@contextlib.contextmanager
def certificates() -> Iterator[Path]:
    """Make a directory with all certificates."""
    home = Path(tempfile.mkdtemp(prefix="gino-tls-"))
    try:
        make(home)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def programs() -> Path | None:
    """Find the programs of a PostgreSQL that encrypts; none if there is none."""
    given = os.environ.get("GINO_TEST_TLS_POSTGRES")
    if given:
        return Path(given)
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest and (newest.parent / "initdb").exists() else None


@contextlib.contextmanager
def encrypting_cluster(files: Path, found: Path) -> Iterator[Cluster]:
    """Start a real server with TLS, and with the roles of `RULES`."""
    variant = Variant(
        programs=found,
        settings={
            "ssl": "on",
            "ssl_cert_file": "server.crt",
            "ssl_key_file": "server.key",
            "ssl_ca_file": "root.crt",
        },
        rules=RULES,
        roles=ROLES,
        files=tuple(files / name for name in ("server.crt", "server.key", "root.crt")),
    )
    with cluster(variant) as server:
        yield server


@dataclass
class Gateway:
    """Ends TLS in front of the server at `upstream`, in a thread of its own.

    `certificate`: the name of the one it shows; none: it declines TLS. `answer`: said to an
    SSLRequest instead of what is right. `scram`: the password that it asks for itself, by
    SCRAM-SHA-256 with and without channel binding; the server has to let the role in by itself.
    `strips_plus`: takes SCRAM-SHA-256-PLUS out of what the server offers. `through`: goes on to the
    server with TLS. `budget`: how many bytes of the server come through.
    """

    upstream: str
    files: Path
    certificate: str | None = "server"
    answer: bytes = b""
    scram: str | None = None
    strips_plus: bool = False
    through: bool = False
    budget: int | None = None
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    alpn: str | None = "postgresql"
    # what it has seen: SSLRequests, TLS connections, cancel requests within TLS, SCRAM headers
    requests: int = 0
    encrypted: int = 0
    cancels: int = 0
    headers: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_refused = False
        self._thread.start()
        self._start(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._is_refused:
                await asyncio.sleep(2 * SHUTDOWN)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._listener.close()
        self._loop.close()

    def dsn(self, settings: str = "", host: str = "localhost", user: str = "gino") -> str:
        """The address by way of this gateway."""
        database = urlsplit(self.upstream).path
        # localhost may be ::1 as well, where nobody listens
        address = "" if host == "127.0.0.1" else "&hostaddr=127.0.0.1"
        return f"postgresql://{user}@{host}:{self.port}{database}?{settings}{address}".replace(
            "?&", "?"
        )

    def _start(self, work: object) -> None:
        def begin() -> None:
            task = self._loop.create_task(work)  # type: ignore[arg-type]
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._loop.call_soon_threadsafe(begin)

    async def _listen(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            self._start(self._serve(client))

    async def _serve(self, client: socket.socket) -> None:
        writers: list[asyncio.StreamWriter] = []
        try:
            reader, writer = await self._meet(client)
            writers.append(writer)
            start = await _packet(reader)
            if start[4:8] == struct.pack("!I", 80877102):
                self.cancels += writer.get_extra_info("ssl_object") is not None
            elif self.scram is not None:
                await self._authenticate(reader, writer)
            there = await self._onward()
            writers.append(there[1])
            there[1].write(start)
            await _until_one_ends(
                self._forward(reader, there[1], None), self._forward(there[0], writer, self.budget)
            )
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            for writer in writers:
                writer.transport.abort()
            client.close()

    async def _meet(
        self, client: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Take the client's connection up to the StartupMessage, encrypted as it wishes."""
        first = await self._peek(client)
        if first == b"\x16":
            return await self._encrypt(client)
        if first != SSL_REQUEST[:1]:
            raise ConnectionError
        head = await self._peek(client, 8)
        if head != SSL_REQUEST:
            return await _streams(client)
        await self._loop.sock_recv(client, 8)
        self.requests += 1
        answer = self.answer or (b"S" if self.certificate else b"N")
        await self._loop.sock_sendall(client, answer)
        if answer == b"S":
            return await self._encrypt(client)
        return await _streams(client)

    async def _peek(self, client: socket.socket, count: int = 1) -> bytes:
        while True:
            ready = self._loop.create_future()
            self._loop.add_reader(client, ready.set_result, None)
            try:
                await ready
            finally:
                self._loop.remove_reader(client)
            found = client.recv(count, socket.MSG_PEEK)
            if not found:
                raise ConnectionError
            if len(found) == count:
                return found
            await asyncio.sleep(0.001)

    async def _encrypt(
        self, client: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        path = self.files / f"{self.certificate}.crt"
        context.load_cert_chain(path, path.with_suffix(".key"))
        context.maximum_version = self.newest
        if self.alpn:
            context.set_alpn_protocols([self.alpn])
        try:
            streams = await _streams(client, context)
        except BaseException:
            self._is_refused = True
            raise
        self.encrypted += 1
        return streams

    async def _onward(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        if self.through:
            writer.write(SSL_REQUEST)
            if await reader.readexactly(1) != b"S":
                raise ConnectionError
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            await writer.start_tls(context)
        return reader, writer

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int | None
    ) -> None:
        while data := await reader.read(65536):
            if self.strips_plus and b"SCRAM-SHA-256-PLUS\0" in data:
                offer = b"R" + struct.pack("!II", 23, 10) + b"SCRAM-SHA-256\0\0"
                assert data[5:9] == struct.pack("!I", 10)
                data = offer
            if budget is not None:
                data = data[:budget]
                budget -= len(data)
            writer.write(data)
            await writer.drain()
            if budget == 0:
                return

    async def _authenticate(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Ask for the password by SCRAM (RFC 5802), as a server with this certificate would."""
        assert self.scram is not None
        plus = self.certificate is not None
        offer = b"SCRAM-SHA-256-PLUS\0" * plus + b"SCRAM-SHA-256\0\0"
        if self.strips_plus:
            offer = b"SCRAM-SHA-256\0\0"
        _say(writer, b"R", struct.pack("!I", 10) + offer)
        initial = (await _message(reader)).split(b"\0", 1)
        first = initial[1][4:].decode()
        header, bare = first[: first.index(",,") + 2], first[first.index(",,") + 2 :]
        self.headers.append(f"{initial[0].decode()} {header}")
        if header == "y,,":
            _say(writer, b"E", b"SFATAL\0VFATAL\0C28000\0Mchannel binding was tampered with\0\0")
            await writer.drain()
            raise ConnectionError
        salt = secrets.token_bytes(16)
        nonce = bare.partition("r=")[2] + secrets.token_hex(9)
        challenge = f"r={nonce},s={base64.b64encode(salt).decode()},i=4096"
        _say(writer, b"R", struct.pack("!I", 11) + challenge.encode())
        final, _, proof = (await _message(reader)).decode().rpartition(",p=")
        bound = header.encode() + (self._end_point() if header.startswith("p=") else b"")
        exchange = f"{bare},{challenge},{final}".encode()
        salted = hashlib.pbkdf2_hmac("sha256", self.scram.encode(), salt, 4096)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        mask = hmac.digest(hashlib.sha256(client_key).digest(), exchange, "sha256")
        expected = bytes(a ^ b for a, b in zip(client_key, mask, strict=True))
        right = final == f"c={base64.b64encode(bound).decode()},r={nonce}"
        if not right or base64.b64decode(proof) != expected:
            _say(writer, b"E", b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0")
            await writer.drain()
            raise ConnectionError
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        signature = base64.b64encode(hmac.digest(server_key, exchange, "sha256"))
        _say(writer, b"R", struct.pack("!I", 12) + b"v=" + signature)

    def _end_point(self) -> bytes:
        text = (self.files / f"{self.certificate}.crt").read_text()
        name = "sha384" if self.certificate == "old" else "sha256"
        return hashlib.new(name, ssl.PEM_cert_to_DER_cert(text)).digest()


async def _streams(
    client: socket.socket, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    # a client that refuses TLS does not say goodbye: asyncio would wait for that
    patience = None if context is None else SHUTDOWN
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, client, ssl=context, ssl_shutdown_timeout=patience
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _until_one_ends(*works: object) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _packet(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head) - 4)


async def _message(reader: asyncio.StreamReader) -> bytes:
    assert await reader.readexactly(1) == b"p"
    return (await _packet(reader))[4:]


def _say(writer: asyncio.StreamWriter, tag: bytes, body: bytes) -> None:
    writer.write(tag + struct.pack("!I", len(body) + 4) + body)


def main(command: list[str]) -> int:
    """Run `command` with every kind of gateway and give back its exit status."""
    upstream = os.environ["GINO_TEST_DSN"]
    with contextlib.ExitStack() as stack:
        files = stack.enter_context(certificates())
        kinds = {
            name: Gateway(upstream, files, name)
            for name in ("server", "stranger", "elsewhere", "expired", "self")
        }
        kinds["none"] = Gateway(upstream, files, None)
        kinds["no_alpn"] = Gateway(upstream, files, alpn=None)
        kinds["injecting"] = Gateway(upstream, files, answer=b"SR\0\0\0\x08\0\0\0\0")
        kinds["failing"] = Gateway(upstream, files, answer=b"E\0\0\0\x08")
        kinds["scram"] = Gateway(upstream, files, scram="sesame")
        kinds["scram_old"] = Gateway(upstream, files, "old", scram="sesame")
        kinds["stripped"] = Gateway(upstream, files, scram="sesame", strips_plus=True)
        kinds["cut"] = Gateway(upstream, files, budget=3000)
        gateways = {name: stack.enter_context(gateway) for name, gateway in kinds.items()}
        ports = ",".join(f"{name}={gateway.port}" for name, gateway in gateways.items())
        environment = os.environ | {"GINO_TEST_TLS_GATEWAYS": ports}
        environment["GINO_TEST_TLS_FILES"] = str(files)
        found = programs()
        if found is not None:
            server = stack.enter_context(encrypting_cluster(files, found))
            address = f"postgresql://gino@localhost:{server.port}/gino?hostaddr=127.0.0.1"
            environment["GINO_TEST_TLS_DSN"] = address
            # A server that is installed has the extensions that the bundled one has not.
            environment.setdefault("GINO_TEST_EXTENDED_DSN", server.dsn)
        with subprocess.Popen(command, env=environment) as child:
            try:
                return child.wait()
            except BaseException:
                child.terminate()
                raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
