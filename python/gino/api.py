"""`Gino`: a metadata with models and an engine.

Owns: `Gino`, its bind, and the class-wide `gino` property of SQLAlchemy's clauses and schema items.
Never does: run queries by itself; it hands them to its engine.
Called by: applications.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar, overload

import sqlalchemy as sa
from sqlalchemy.engine.url import URL
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.schema import SchemaItem

from .bakery import Bakery
from .crud import CRUDModel
from .cursor import Iteration
from .declarative import declarative_base
from .exceptions import UninitializedError
from .executor import GinoExecutor
from .namespace import public_names
from .observe import Callbacks, QueryCallback
from .schema import GinoSchemaVisitor
from .strategies import create_engine

if TYPE_CHECKING:
    from ._names import Names
    from ._typed import Yields
    from .engine import Acquire, GinoEngine
    from .transaction import TransactionOnEngine
else:
    Names = object

T = TypeVar("T")

__all__ = ["Gino", "GinoExecutor"]


class _Unbound:
    """In the place of the engine when there is none: false, and an error on any use."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__bool__", "__repr__"):
            return object.__getattribute__(self, name)
        _uninitialized()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        _uninitialized()

    def __repr__(self) -> str:
        return "<no engine>"


def _uninitialized() -> NoReturn:
    raise UninitializedError("Gino engine is not initialized.")


_UNBOUND: Any = _Unbound()


class _BindContext:
    """`await` it for the engine, or use it as a block that closes the engine at its end."""

    def __init__(self, gino: Gino, bind: Any, loop: Any, kwargs: dict[str, Any]) -> None:
        self._gino = gino
        self._args = bind, loop, kwargs

    def __await__(self) -> Generator[Any, None, GinoEngine]:
        return self._set().__await__()

    async def _set(self) -> GinoEngine:
        bind, loop, kwargs = self._args
        return await self._gino.set_bind(bind, loop, **kwargs)

    async def __aenter__(self) -> GinoEngine:
        return await self._set()

    async def __aexit__(self, *error: object) -> None:
        await self._gino.pop_bind().close()


class Gino(sa.MetaData, Names):
    """A `sqlalchemy.MetaData` with models (`db.Model`), an engine (`db.bind`), and SQLAlchemy's
    public names.

    `bind`: an engine or an address (then `await db` connects). `ext`, `query_ext`, `schema_ext`:
    False leaves SQLAlchemy's classes without the `gino` property.
    """

    model_base_classes: ClassVar[tuple[type, ...]] = (CRUDModel,)
    query_executor: ClassVar[type[GinoExecutor[Any]]] = GinoExecutor
    schema_visitor: ClassVar[type[GinoSchemaVisitor]] = GinoSchemaVisitor
    no_delegate: ClassVar[set[str]] = {"create_engine", "engine_from_config"}

    def __init__(
        self,
        bind: Any = None,
        model_classes: tuple[type, ...] | None = None,
        query_ext: bool = True,
        schema_ext: bool = True,
        ext: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._bind: Any = None
        self._callbacks = Callbacks()
        self._bakery = Bakery()
        self._model: Any = None
        self._model_classes = model_classes
        for name, value in public_names().items():
            if name not in self.no_delegate and not hasattr(self, name):
                setattr(self, name, value)
        if bind is not None:
            self.bind = bind
        if ext:
            if query_ext:
                _extend(Executable, self.query_executor)
            if schema_ext:
                _extend(SchemaItem, self.schema_visitor)
                # a Sequence is an Executable, too
                _extend(sa.Sequence, self.schema_visitor)

    if TYPE_CHECKING:

        @property
        def gino(self) -> GinoSchemaVisitor: ...

    # ---- models ---------------------------------------------------------------------------------

    @property
    def Model(self) -> type[CRUDModel]:
        """The base class of this metadata's models."""
        if self._model is None:
            classes = self._model_classes or self.model_base_classes
            self._model = declarative_base(self, classes)
        model: type[CRUDModel] = self._model
        return model

    # ---- the engine -----------------------------------------------------------------------------

    @property
    def bind(self) -> Any:
        """The engine; without one a false object whose attributes raise UninitializedError."""
        bind = self._bind
        return _UNBOUND if bind is None else bind

    @bind.setter
    def bind(self, bind: Any) -> None:
        self._bind = bind
        self._callbacks.move_to(bind)

    async def set_bind(self, bind: Any, loop: Any = None, **kwargs: Any) -> GinoEngine:
        """Take an engine, or make one for an address; see `gino.create_engine`. Returns the engine.

        Errors: those of `create_engine`; then nothing is bound.
        """
        if isinstance(bind, str | URL):
            if self._bakery.is_closed and not any(self._bakery):
                self._bakery = Bakery()
            kwargs.setdefault("bakery", self._bakery)
            bind = await create_engine(bind, loop=loop, **kwargs)
        self.bind = bind
        self._callbacks.move_to(bind)
        engine: GinoEngine = bind
        return engine

    def pop_bind(self) -> Any:
        """Unbind, and return what was bound, still open: `await db.pop_bind().close()`.

        What is baked from now on goes into a new bakery.
        """
        bind, self.bind = self.bind, None
        self._callbacks.move_to(None)
        self._bakery = Bakery()
        return bind

    def with_bind(self, bind: Any, loop: Any = None, **kwargs: Any) -> _BindContext:
        """`async with db.with_bind(address, ...) as engine`: closed at the end of the block."""
        return _BindContext(self, bind, loop, kwargs)

    def __await__(self) -> Generator[Any, None, Self]:
        return self._init().__await__()

    async def _init(self) -> Self:
        bind = self.bind
        if not bind:
            _uninitialized()
        if isinstance(bind, str | URL):
            await self.set_bind(bind)
        return self

    @property
    def bakery(self) -> Bakery:
        """The queries that are baked with `db.bake`; `set_bind()` gives them to its engine."""
        return self._bakery

    def bake(self, func_or_elem: Any = None, **execution_options: Any) -> Any:
        """Bake a query that runs on this metadata's engine; see `Bakery.bake`."""
        return self._bakery.bake_for(self, func_or_elem, execution_options)

    # ---- queries --------------------------------------------------------------------------------

    @property
    def run(self) -> Any:
        """The engine's own: runs a plan."""
        return self.bind.run

    @overload
    def all(self, clause: Yields[T], *multiparams: Any, **params: Any) -> Awaitable[list[T]]: ...
    @overload
    def all(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def all(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """All rows or models, as a list."""
        waiting: Awaitable[Any] = self.bind.all(clause, *multiparams, **params)
        return waiting

    @overload
    def first(self, clause: Yields[T], *multiparams: Any, **params: Any) -> Awaitable[T | None]: ...
    @overload
    def first(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def first(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first row or model, or None."""
        waiting: Awaitable[Any] = self.bind.first(clause, *multiparams, **params)
        return waiting

    @overload
    def one(self, clause: Yields[T], *multiparams: Any, **params: Any) -> Awaitable[T]: ...
    @overload
    def one(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def one(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The only row or model. Errors: NoResultFound, MultipleResultsFound."""
        waiting: Awaitable[Any] = self.bind.one(clause, *multiparams, **params)
        return waiting

    @overload
    def one_or_none(
        self, clause: Yields[T], *multiparams: Any, **params: Any
    ) -> Awaitable[T | None]: ...
    @overload
    def one_or_none(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def one_or_none(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The only row or model, or None. Errors: MultipleResultsFound."""
        waiting: Awaitable[Any] = self.bind.one_or_none(clause, *multiparams, **params)
        return waiting

    def scalar(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The first column of the first row, or None."""
        waiting: Awaitable[Any] = self.bind.scalar(clause, *multiparams, **params)
        return waiting

    @overload
    def status(
        self, clause: Yields[T], *multiparams: Any, **params: Any
    ) -> Awaitable[tuple[str, list[T]]]: ...
    @overload
    def status(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]: ...
    def status(self, clause: Any, *multiparams: Any, **params: Any) -> Awaitable[Any]:
        """The command tag and the rows or models."""
        waiting: Awaitable[Any] = self.bind.status(clause, *multiparams, **params)
        return waiting

    def iterate(self, clause: Any, *multiparams: Any, **params: Any) -> Iteration[Any]:
        """A cursor on the current connection. Errors: ValueError without one."""
        found: Iteration[Any] = self.bind.iterate(clause, *multiparams, **params)
        return found

    def compile(self, clause: Any, *multiparams: Any, **params: Any) -> tuple[str, Any]:
        """The SQL and the values of a clause, as they would be sent."""
        compiled: tuple[str, Any] = self.bind.compile(clause, *multiparams, **params)
        return compiled

    def acquire(self, *args: Any, **kwargs: Any) -> Acquire:
        """A connection, to `await` or as a block; see `GinoEngine.acquire`."""
        found: Acquire = self.bind.acquire(*args, **kwargs)
        return found

    def transaction(self, *args: Any, **kwargs: Any) -> TransactionOnEngine:
        """A block with a transaction; see `GinoEngine.transaction`."""
        found: TransactionOnEngine = self.bind.transaction(*args, **kwargs)
        return found

    # ---- observation ----------------------------------------------------------------------------

    def on_query(self, callback: QueryCallback) -> Callable[[], None]:
        """As `GinoEngine.on_query`, on each engine that is bound, now and later."""
        return self._callbacks.add(callback)


def _extend(cls: Any, wrapper: Any) -> None:
    cls.gino = property(wrapper, doc="Runs it on the engine of its metadata.")
