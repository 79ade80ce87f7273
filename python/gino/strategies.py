"""Strategies: how an engine is made from an address.

Owns: the registry by name, and the standard strategy.
Never does: interpret keywords of the driver (`gino.settings` does).
Called by: `gino.create_engine`; extensions subclass `GinoStrategy`.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, ClassVar

from .baked import preparing
from .dialects.asyncpg import dialect
from .engine import GinoEngine
from .pool import Pool
from .settings import hooks, native_config

__all__ = ["GinoStrategy", "create_engine", "strategies"]

strategies: dict[str, GinoStrategy] = {}


class GinoStrategy:
    """Makes engines of `engine_cls`; an instance registers itself under `name`."""

    name: ClassVar[str] = "gino"
    engine_cls: ClassVar[type[GinoEngine]] = GinoEngine

    def __init__(self) -> None:
        strategies[self.name] = self

    async def create(self, name_or_url: Any, loop: Any = None, **kwargs: Any) -> GinoEngine:
        """Connect (`min_size` connections) and return the engine; see `gino.create_engine`."""
        own = {
            name: kwargs.pop(name)
            for name in ("logging_name", "echo", "execution_options")
            if name in kwargs
        }
        bakery = kwargs.pop("bakery", None)
        prebake = kwargs.pop("prebake", True)
        pool_class = kwargs.get("pool_class") or Pool
        pool = pool_class(native_config(name_or_url, kwargs))
        pool.hooks = hooks(kwargs)
        with nullcontext([]) if bakery is None else bakery.given(dialect()) as plans:
            if plans and prebake:
                pool.hooks["init"] = preparing(plans, pool.hooks.get("init"))
            engine = self.engine_cls(dialect(), pool, loop, **own)
            try:
                await engine.open()
            except BaseException:
                engine.give_up()
                raise
        return engine


async def create_engine(name_or_url: Any, *args: Any, **kwargs: Any) -> GinoEngine:
    """An engine for a database.

    `name_or_url`: `postgresql://...` as a string or URL. Keywords: those of asyncpg's `connect` and
    `create_pool` (times in seconds), and `echo`, `logging_name`, `execution_options`,
    `isolation_level`, `pool_class`, `bakery`, `prebake`, `strategy`. Baked queries are prepared on
    each connection as it opens, with `prebake=False` on first use: for tables that come later.
    Encryption: `ssl=True` (the authorities of the system), an `ssl.SSLContext`, one of asyncpg's
    words such as `ssl="require"`, or libpq's own in the address or as keywords (`sslmode`,
    `sslrootcert`, `sslcert`, `sslkey`, `sslnegotiation="direct"`, `channel_binding="require"`).
    Over TCP the connection is encrypted if the server can, as libpq does it; to be sure of the
    server use `ssl=True`, or `sslmode="verify-full"` with `sslrootcert`.
    Errors: TypeError for an unknown keyword, ArgumentError for a bad address, OperationalError if
    the server cannot be reached.
    """
    strategy = kwargs.pop("strategy", "gino")
    if isinstance(strategy, str):
        if strategy not in strategies:
            raise ValueError(f"there is no strategy {strategy!r}; one of: {', '.join(strategies)}")
        strategy = strategies[strategy]
    engine: GinoEngine = await strategy.create(name_or_url, *args, **kwargs)
    return engine


GinoStrategy()
