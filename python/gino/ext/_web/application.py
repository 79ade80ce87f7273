"""`Gino` for an application that a framework starts and stops.

Owns: `WebGino`: settings, start-up with retries, shutdown, and the connection of a request;
`ApplicationGino`, which is given an application with `init_app`.
Never does: hook itself into a framework.
Called by: the modules of `gino.ext` derive their `Gino` from it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.url import URL

from ... import api
from ...exceptions import OperationalError, UninitializedError
from ...strategies import GinoStrategy
from .configuration import NAMES, Configuration, split, unknown
from .missing import FirstOr404
from .scope import Running, lazy_connection

App = TypeVar("App")

_OF_METADATA = set(inspect.signature(sa.MetaData.__init__).parameters) - {"self"}
_OF_GINO = set(inspect.signature(api.Gino.__init__).parameters) - {"self", "kwargs"}


class WebGino(FirstOr404, api.Gino):
    """A `Gino` whose engine lives as long as an application runs.

    Keywords: those of `Configuration`, of `gino.Gino` and of `sqlalchemy.MetaData`; any other is a
    TypeError.
    """

    strategy: ClassVar[GinoStrategy]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        settings, own = split(kwargs)
        for name in own:
            if name not in _OF_METADATA | _OF_GINO:
                raise TypeError(unknown("Gino()", name, NAMES | _OF_METADATA | _OF_GINO))
        super().__init__(*args, **own)
        self._settings = settings
        self._logger = logging.getLogger(type(self).__module__)
        self._is_ours = False
        self.requests = Running()  # those that the server does not wait for
        self.configuration = Configuration.of(settings)

    def configure(self, config: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Read the settings: keywords, else those of the constructor, else `DB_...` in `config`."""
        self.configuration = Configuration.of_application(
            config or {}, {**self._settings, **settings}
        )

    async def set_bind(self, bind: Any, loop: Any = None, **kwargs: Any) -> Any:
        """As `gino.Gino.set_bind`; an engine that is made here knows `first_or_404`."""
        if isinstance(bind, str | URL):
            kwargs.setdefault("strategy", self.strategy)
        return await super().set_bind(bind, loop, **kwargs)

    async def startup(self) -> None:
        """Connect, `retry_limit` times with `retry_interval` seconds in between.

        An engine that is bound already is taken as it is. Errors: that of the last try; mistakes in
        the configuration at once. Nothing is left open by a try that failed.
        """
        bound = self.bind
        if bound and not isinstance(bound, str | URL):
            return
        configuration = self.configuration
        address = bound or configuration.address
        limit = max(configuration.retry_limit, 1)
        for number in range(1, limit + 1):
            try:
                await self.set_bind(address, **configuration.engine_keywords)
            except (OperationalError, OSError) as error:
                is_last = number == limit
                self._logger.warning(
                    "no connection to the database (try %d of %d, %s): %s",
                    number,
                    limit,
                    "giving up" if is_last else f"next in {configuration.retry_interval:g} s",
                    " ".join(f"{type(error).__name__}: {error}".split()),
                )
                if is_last:
                    raise
                await asyncio.sleep(configuration.retry_interval)
            else:
                self._is_ours = True
                return

    async def shutdown(self) -> None:
        """Close the engine that `startup` has made; borrowed connections have 10 s to come back.

        `requests` that run have 10 s to end before that.
        """
        await self.requests.end()
        if not self._is_ours:
            return
        self._is_ours = False
        try:
            await self.bind.close()
        except TimeoutError as error:
            # what is left is cut; the rest of the application has to end in order
            self._logger.error("closing the database took too long: %s", error)
        finally:
            self.pop_bind()

    @asynccontextmanager
    async def handling(self, label: str) -> AsyncIterator[Any]:
        """A block that handles a request, which `shutdown` waits for.

        Its lazy connection comes out, or None if requests have none.
        """
        with self.requests.request():
            if not self.configuration.use_connection_for_request:
                yield None
                return
            async with self.request_connection(lambda: label) as connection:
                yield connection

    def request_connection(
        self, label: Callable[[], str] = lambda: ""
    ) -> AbstractAsyncContextManager[Any]:
        """A block with the lazy connection of a request, which `label` names for observers.

        Errors: UninitializedError without an engine.
        """
        if not self.bind:
            raise UninitializedError(
                "Gino engine is not initialized: the application has not started, or it has "
                "ended; where an application is mounted inside another one its framework may "
                "start the outermost alone, and that is the one for init_app()"
            )
        return lazy_connection(self.bind, label)


class ApplicationGino(WebGino, Generic[App]):
    """A `WebGino` that takes its place in an application: `Gino(app)`, or `init_app(app)` later."""

    def __init__(self, app: App | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: App) -> None:
        """Connect when the application starts, close when it has ended."""
        raise NotImplementedError
