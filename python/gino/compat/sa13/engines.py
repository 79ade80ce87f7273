"""Metadata that is bound to a synchronous engine, and engines that run statements by themselves.

Owns: `MetaData(bind=...)`, `metadata.bind`, `Engine.execute()`, `Table(autoload=True)`.
Never does: touch `Gino.bind` and gino's own engines.
Called by: `gino.compat.sa13`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from .patch import patches

_KEY = "gino_sa13_bind"


def install() -> None:
    """Put these shims in place."""
    patches.wrap(sa.MetaData, "__init__", _init)
    patches.put(sa.MetaData, "bind", property(_bind, _set_bind, doc="The synchronous engine."))
    for name in ("create_all", "drop_all", "reflect"):
        patches.wrap(sa.MetaData, name, _bound)
    patches.put(Engine, "execute", _execute)
    patches.put(Engine, "scalar", _scalar)
    original = sa.Table._new
    patches.put(sa.Table, "_new", classmethod(_new_table(original.__func__)))  # type: ignore[attr-defined]


def _init(original: Callable[..., Any], self: Any, *args: Any, **keywords: Any) -> None:
    bind = keywords.pop("bind", None)
    if args and isinstance(args[0], str | Engine | Connection | sa.URL):
        bind, args = args[0], args[1:]
    original(self, *args, **keywords)
    if bind is not None:
        self.bind = bind


def _bind(self: Any) -> Any:
    return self.__dict__.get(_KEY)


def _set_bind(self: Any, bind: Any) -> None:
    patches.warn("MetaData(bind=...)", "MetaData(), and create_all(engine)")
    self.__dict__[_KEY] = sa.create_engine(bind) if isinstance(bind, str | sa.URL) else bind


def _bound(original: Callable[..., Any], self: Any, bind: Any = None, *args: Any, **kw: Any) -> Any:
    if bind is None:
        bind = self.__dict__.get(_KEY)
    if bind is None:
        raise TypeError("there is no engine: give one, as in metadata.create_all(engine)")
    return original(self, bind, *args, **kw)


def _execute(self: Engine, statement: Any, *multiparams: Any, **params: Any) -> Any:
    patches.warn("engine.execute(...)", "with engine.begin() as c: c.execute(...)")
    with self.begin() as connection:
        result: Any = connection.execute(statement, *multiparams, **params)
        return result.freeze()() if result.returns_rows else result


def _scalar(self: Engine, statement: Any, *multiparams: Any, **params: Any) -> Any:
    return _execute(self, statement, *multiparams, **params).scalar()


def _new_table(original: Callable[..., Any]) -> Callable[..., Any]:
    def new(cls: Any, *args: Any, **keywords: Any) -> Any:
        if "autoload" in keywords:
            patches.warn("Table(..., autoload=True)", "Table(..., autoload_with=engine)")
            bind = args[1].__dict__.get(_KEY) if len(args) > 1 else None
            if keywords.pop("autoload") and bind is not None:
                keywords.setdefault("autoload_with", bind)
        return original(cls, *args, **keywords)

    return new
