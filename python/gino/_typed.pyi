"""What type checkers know about models, columns and queries beyond the code that runs.

Owns: types without objects: a select that loads a model (`Query`), columns as attributes.
Never does: exist at run time; import it under `typing.TYPE_CHECKING`.
Called by: annotations in `gino`, and in applications (`def adults(q: "Query[User]") -> ...`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Literal, Protocol, Self, TypeVar, overload

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from . import json_support
from ._core import Row
from .crud import CRUDModel, UpdateRequest
from .executor import GinoExecutor
from .schema import AsyncSchemaTypeMixin

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=Enum)
M = TypeVar("M", bound=CRUDModel)

# ---- clauses ------------------------------------------------------------------------------------

class Yields(Protocol[T_co]):
    """A clause whose `gino` gives `T_co`."""

    @property
    def gino(self) -> GinoExecutor[T_co]: ...

class Query(sa.Select[*tuple[Any, ...]], Generic[T_co]):
    """A select that gives instances of a model, or rows."""

    @property
    def gino(self) -> GinoExecutor[T_co]: ...

class Cursor(Protocol[T]):
    """What `await ...iterate()` gives: the native cursor."""

    def next(self, timeout: float | None = None) -> Awaitable[T | None]: ...
    def many(self, n: int, timeout: float | None = None) -> Awaitable[list[T]]: ...
    def forward(self, n: int, timeout: float | None = None) -> Awaitable[int]: ...
    def close(self, timeout: float | None = None) -> Awaitable[None]: ...
    def __aiter__(self) -> AsyncIterator[T]: ...

class Inserting(sa.Insert, Generic[T_co]):
    """An INSERT, whose `returning()` gives instances."""

    @property
    def gino(self) -> GinoExecutor[T_co]: ...
    def returning(self, *columns: Any, **options: Any) -> Self: ...  # type: ignore[override]

class Updating(sa.Update, Generic[T_co]):
    """An UPDATE, whose `returning()` gives instances."""

    @property
    def gino(self) -> GinoExecutor[T_co]: ...
    def returning(self, *columns: Any, **options: Any) -> Self: ...  # type: ignore[override]

class Deleting(sa.Delete, Generic[T_co]):
    """A DELETE, whose `returning()` gives instances."""

    @property
    def gino(self) -> GinoExecutor[T_co]: ...
    def returning(self, *columns: Any, **options: Any) -> Self: ...  # type: ignore[override]

# ---- what `Model.query`, `create`, ... are, on the class and on an instance ---------------------

class QueryOf:
    """`Model.query`, `instance.query`."""

    def __get__(self, instance: object, owner: type[M]) -> Query[M]: ...

class SelectOf:
    """`Model.select("name", ...)`, `instance.select("name", ...)`."""

    def __get__(self, instance: object, owner: type[M]) -> Callable[..., Query[Row]]: ...

class Creating(Protocol[T_co]):
    """`create(**values)`."""

    def __call__(
        self, bind: Any = None, timeout: float | None = None, **values: Any
    ) -> Coroutine[Any, Any, T_co]: ...

class CreateOf:
    """`Model.create(...)`, `instance.create(...)`."""

    def __get__(self, instance: object, owner: type[M]) -> Creating[M]: ...

class UpdateOf:
    """`Model.update`, a clause; `instance.update(...)`, a request."""

    @overload
    def __get__(self, instance: None, owner: type[M]) -> Updating[M]: ...
    @overload
    def __get__(self, instance: object, owner: type[M]) -> Callable[..., UpdateRequest]: ...

class Delete(Protocol):
    """`instance.delete()`."""

    def __call__(
        self, bind: Any = None, timeout: float | None = None
    ) -> Coroutine[Any, Any, str]: ...

class DeleteOf:
    """`Model.delete`, a clause; `instance.delete()`, a deed."""

    @overload
    def __get__(self, instance: None, owner: type[M]) -> Deleting[M]: ...
    @overload
    def __get__(self, instance: object, owner: type[M]) -> Delete: ...

# ---- columns and JSON properties ----------------------------------------------------------------

class ColumnOf(sa.Column[T]):
    """A column in a class body: the column on the class, its value on an instance."""

    @overload  # type: ignore[override]
    def __get__(self, instance: None, owner: type[Any]) -> sa.Column[T]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __set__(self, instance: object, value: T) -> None: ...

_Type = TypeEngine[T] | type[TypeEngine[T]]

class MakeColumn(Protocol):
    """`db.Column`: a value may be None unless the column is a key or not nullable."""

    @overload
    def __call__(
        self, type_: _Type[T], /, *args: Any, primary_key: Literal[True], **options: Any
    ) -> ColumnOf[T]: ...
    @overload
    def __call__(
        self, type_: _Type[T], /, *args: Any, nullable: Literal[False], **options: Any
    ) -> ColumnOf[T]: ...
    @overload
    def __call__(self, type_: _Type[T], /, *args: Any, **options: Any) -> ColumnOf[T | None]: ...
    @overload
    def __call__(
        self, name: str, type_: _Type[T], /, *args: Any, primary_key: Literal[True], **options: Any
    ) -> ColumnOf[T]: ...
    @overload
    def __call__(
        self, name: str, type_: _Type[T], /, *args: Any, nullable: Literal[False], **options: Any
    ) -> ColumnOf[T]: ...
    @overload
    def __call__(
        self, name: str, type_: _Type[T], /, *args: Any, **options: Any
    ) -> ColumnOf[T | None]: ...
    @overload
    def __call__(self, *args: Any, **options: Any) -> ColumnOf[Any]: ...

class EnumOf(AsyncSchemaTypeMixin, TypeEngine[T]):
    """An enum type of these members."""

class MakeEnum(Protocol):
    """`db.Enum`: of the members of a Python enum, or of strings."""

    @overload
    def __call__(self, members: type[E], /, **options: Any) -> EnumOf[E]: ...
    @overload
    def __call__(self, *members: str, **options: Any) -> EnumOf[str]: ...

class _Property(json_support.JSONProperty, Generic[T]):
    @overload
    def __get__(self, instance: None, owner: Any = None) -> sa.ColumnElement[T]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> T | None: ...
    def __set__(self, instance: Any, value: T | None) -> None: ...

class StringProperty(_Property[str]): ...
class DateTimeProperty(_Property[datetime]): ...
class IntegerProperty(_Property[int]): ...
class BooleanProperty(_Property[bool]): ...
class ObjectProperty(_Property[dict[str, Any]]): ...
class ArrayProperty(_Property[list[Any]]): ...
