"""`first_or_404` and `get_or_404`.

Owns: these methods, on engine, connection, executor and models.
Never does: know a framework's exception; `not_found` of the subclass raises it.
Called by: the modules of `gino.ext` complete these classes; applications use them.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from ...engine import GinoConnection, GinoEngine
from ...executor import GinoExecutor


class FirstOr404:
    """What has `first()` gets `first_or_404()`."""

    __slots__ = ()

    @staticmethod
    def not_found(message: str) -> NoReturn:
        """Raise what the framework answers with a 404."""
        raise LookupError(message)

    async def first_or_404(self: Any, *args: Any, **kwargs: Any) -> Any:
        """The first row or model. Errors: the framework's 404 if there is none."""
        found = await self.first(*args, **kwargs)
        if found is None:
            self.not_found("no such data")
        return found


class WebConnection(FirstOr404, GinoConnection):
    """A connection of a web application."""


class WebEngine(FirstOr404, GinoEngine):
    """An engine of a web application."""

    connection_cls: ClassVar[type[GinoConnection]] = WebConnection


class WebExecutor(FirstOr404, GinoExecutor[Any]):
    """`query.gino` of a web application."""

    async def first_or_404(self, *args: Any, **kwargs: Any) -> Any:
        """The first row or model. Errors: the framework's 404 if there is none."""
        found = await self.first(*args, **kwargs)
        if found is None:
            # the executor is one for the whole process, the engine knows its own framework
            bind = self.bind
            (bind if isinstance(bind, FirstOr404) else self).not_found("no such data")
        return found


class WebModelMixin:
    """A base of models in web applications."""

    __metadata__: ClassVar[Any]

    @classmethod
    async def get_or_404(cls: Any, *args: Any, **kwargs: Any) -> Any:
        """The instance of a primary key. Errors: the framework's 404 if there is none."""
        found = await cls.get(*args, **kwargs)
        if found is None:
            cls.__metadata__.not_found(f"{cls.__name__} is not found")
        return found
