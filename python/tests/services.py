"""Owns the example services as the tests run them: each framework's real server on a real socket.

Never asserts anything. Called by the test_ext_*.py modules.

A test may add probes before the service starts: a path and a coroutine function that gets the
request's connection and returns a text, or an asynchronous generator function whose chunks are
streamed.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import inspect
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import aiohttp

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"

Probe = Callable[[Any], Any]
Stop = Callable[[], Awaitable[None]]


class StartFailed(Exception):
    """The server has not started."""


class Service:
    """An example application with its server, not yet started."""

    name: ClassVar[str]
    file: ClassVar[str]
    served: Any = None  # what goes around the application, if anything does

    def __init__(self) -> None:
        spec = importlib.util.spec_from_file_location(f"{self.name}_app", EXAMPLES / self.file)
        assert spec is not None
        assert spec.loader is not None
        self.module: ModuleType = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = self.module
        try:
            spec.loader.exec_module(self.module)
        finally:
            del sys.modules[spec.name]
        self.db: Any = self.module.db
        self.User: Any = self.module.User
        self.app: Any = self.module.app
        self.listen()

    def listen(self) -> None:
        """Take a free port."""
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(512)
        self.socket.setblocking(False)
        self.client: aiohttp.ClientSession
        self._stop: Stop | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    @property
    def figures(self) -> dict[str, int]:
        found: dict[str, int] = self.db.bind.raw_pool.native.figures
        return found

    def add(self, path: str, probe: Probe) -> None:
        """Add a route that runs a probe."""
        raise NotImplementedError

    async def start(self) -> Stop:
        """Start the server; what comes back stops it in order. Errors: StartFailed."""
        raise NotImplementedError

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """Start the server and a client; stop both at the end."""
        try:
            self._stop = await self.start()
        except BaseException:
            self.socket.close()
            raise
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        self.client = aiohttp.ClientSession(self.url, connector=connector)
        try:
            yield self
        finally:
            await self.client.close()
            await self.stop()

    async def stop(self) -> None:
        """Stop the server in order, if it runs."""
        stop, self._stop = self._stop, None
        if stop is not None:
            await stop()
            self.socket.close()

    async def get(self, path: str) -> tuple[int, str]:
        """Ask for a path; the status and the text that come back."""
        async with self.client.get(path) as response:
            return response.status, await response.text()

    async def quiet(self) -> None:
        """Wait until no connection is borrowed. Errors: TimeoutError."""
        async with asyncio.timeout(10):
            while self.figures["in_use"]:
                await asyncio.sleep(0.01)


class StarletteService(Service):
    name = "starlette"
    file = "starlette_app.py"

    def add(self, path: str, probe: Probe) -> None:
        from starlette.requests import Request
        from starlette.responses import PlainTextResponse, Response, StreamingResponse

        async def endpoint(request: Request) -> Response:
            if inspect.isasyncgenfunction(probe):
                return StreamingResponse(probe(request["connection"]))
            return PlainTextResponse(await probe(request["connection"]))

        self.app.router.add_route(path, endpoint)

    async def start(self) -> Stop:
        import uvicorn

        config = uvicorn.Config(self.app, lifespan="on", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        # signals are for pytest
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]

        async def serve() -> None:
            # out of a task, SystemExit would end the loop
            with contextlib.suppress(SystemExit):
                await server.serve(sockets=[self.socket])

        task = asyncio.create_task(serve())
        while not server.started:
            if task.done():
                raise StartFailed
            await asyncio.sleep(0.01)

        async def stop() -> None:
            server.should_exit = True
            await task

        return stop


class FastAPIService(StarletteService):
    name = "fastapi"
    file = "fastapi_app.py"


class AiohttpService(Service):
    name = "aiohttp"
    file = "aiohttp_app.py"

    def add(self, path: str, probe: Probe) -> None:
        from aiohttp import web

        async def handler(request: web.Request) -> web.StreamResponse:
            if not inspect.isasyncgenfunction(probe):
                return web.Response(text=await probe(request["connection"]))
            response = web.StreamResponse()
            await response.prepare(request)
            async with contextlib.aclosing(probe(request["connection"])) as chunks:
                async for chunk in chunks:
                    await response.write(chunk)
            await response.write_eof()
            return response

        self.app.router.add_get(path, handler)

    async def start(self) -> Stop:
        from aiohttp import web

        runner = web.AppRunner(self.app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, self.socket, backlog=512).start()
        return runner.cleanup


class QuartService(Service):
    name = "quart"
    file = "quart_app.py"

    def add(self, path: str, probe: Probe) -> None:
        from quart import request

        async def handler() -> Any:
            assert request["connection"] is request.connection
            found = probe(request.connection)
            return found if inspect.isasyncgen(found) else await found

        self.app.add_url_rule(path, path, handler)

    async def start(self) -> Stop:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"fd://{self.socket.dup().detach()}"]
        config.graceful_timeout = 10
        config.errorlog = config.accesslog = None
        ended = asyncio.Event()
        task = asyncio.create_task(
            serve(self.served or self.app, config, shutdown_trigger=ended.wait)
        )
        while not self.db.bind:
            if task.done():
                raise StartFailed from task.exception()
            await asyncio.sleep(0.01)

        async def stop() -> None:
            ended.set()
            await asyncio.wait({task})
            # hypercorn cancels the lifespan once that has said that it is over, and hands this on
            if not task.cancelled():
                task.result()

        return stop


class TornadoService(Service):
    name = "tornado"
    file = "tornado_app.py"

    def add(self, path: str, probe: Probe) -> None:
        from gino.ext.tornado import GinoRequestHandler

        class Handler(GinoRequestHandler):
            async def get(self) -> None:
                if not inspect.isasyncgenfunction(probe):
                    self.write(await probe(self.connection))
                    return
                async with contextlib.aclosing(probe(self.connection)) as chunks:
                    async for chunk in chunks:
                        self.write(chunk)
                        await self.flush()

        self.app.add_handlers(".*", [(path, Handler)])

    async def start(self) -> Stop:
        server = await self.module.start()
        server.add_socket(self.socket)
        return lambda: self.module.stop(server)


class LitestarService(StarletteService):
    name = "litestar"
    file = "litestar_app.py"

    def add(self, path: str, probe: Probe) -> None:
        import litestar
        from litestar.response import Response, Stream

        async def handler(request: litestar.Request[Any, Any, Any]) -> Response[Any]:
            found = probe(request.scope["connection"])  # type: ignore[typeddict-item]
            if inspect.isasyncgen(found):
                return Stream(found)
            return Response(await found, media_type=litestar.MediaType.TEXT)

        handler.__annotations__ = {
            "request": litestar.Request[Any, Any, Any],
            "return": Response[Any],
        }
        self.app.register(litestar.get(path)(handler))


class SanicService(Service):
    name = "sanic"
    file = "sanic_app.py"

    def __init__(self) -> None:
        import sanic

        sanic.Sanic._app_registry.clear()  # the module is loaded again for each test
        super().__init__()
        self.app.config.TOUCHUP = False  # rewrites Sanic's own methods, which works only once

    def add(self, path: str, probe: Probe) -> None:
        from sanic import Request, text

        async def handler(request: Request) -> Any:
            if not inspect.isasyncgenfunction(probe):
                return text(await probe(request.ctx.connection))
            response = await request.respond()
            async with contextlib.aclosing(probe(request.ctx.connection)) as chunks:
                async for chunk in chunks:
                    await response.send(chunk)
            await response.eof()
            return None

        self.app.add_route(handler, path, name=path.strip("/"))

    async def start(self) -> Stop:
        server = await self.app.create_server(sock=self.socket, return_asyncio_server=True)
        try:
            await server.startup()
            await server.before_start()
        except Exception as error:
            await server.close()
            raise StartFailed from error
        await server.start_serving()

        async def stop() -> None:
            await server.before_stop()
            await server.close()
            for connection in server.connections:
                connection.close_if_idle()
            async with asyncio.timeout(10):
                while server.connections:
                    await asyncio.sleep(0.01)
            await server.after_stop()

        return stop


SERVICES: list[type[Service]] = [
    StarletteService,
    FastAPIService,
    AiohttpService,
    QuartService,
    TornadoService,
    LitestarService,
    SanicService,
]
