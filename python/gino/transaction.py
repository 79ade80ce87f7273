"""Transactions: as blocks, or held in the hand.

Owns: `GinoTransaction` and the signals of `raise_commit()` and `raise_rollback()`.
Never does: count nesting; the native half begins a transaction or a savepoint, as the server's
status says.
Called by: `gino.connection`, `gino.engine`.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import Any, NoReturn, Self

from . import _core
from .exceptions import Error


class _Leave(BaseException):
    """Travels up to the block of `transaction` and ends it, without an error."""

    def __init__(self, transaction: GinoTransaction, commits: bool) -> None:
        super().__init__("leaving a transaction")
        self.transaction = transaction
        self.commits = commits


class GinoTransaction:
    """A transaction, or a savepoint inside of one.

    `async with` commits at the end and rolls back on any exception. `await` begins it in manual
    mode: then `commit()` or `rollback()` end it.
    """

    def __init__(self, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._connection = connection
        self._args = args
        self._kwargs = kwargs
        self._transaction: _core.Transaction | None = None
        self._managed: bool | None = None

    @property
    def connection(self) -> Any:
        """The connection that this transaction is on."""
        return self._connection

    @property
    def raw_transaction(self) -> _core.Transaction | None:
        """The native transaction; None before it has begun."""
        return self._transaction

    def raise_commit(self) -> NoReturn:
        """Leave the block of this transaction now, and commit. Blocks inside of it commit, too."""
        assert self._managed, "Illegal in manual mode, use `commit` instead."
        raise _Leave(self, True)

    def raise_rollback(self) -> NoReturn:
        """Leave the block of this transaction now, and roll back, blocks inside of it included."""
        assert self._managed, "Illegal in manual mode, use `rollback` instead."
        raise _Leave(self, False)

    async def commit(self) -> None:
        """Commit (manual mode only)."""
        assert not self._managed, "Illegal in managed mode, use `raise_commit` instead."
        await self._begun().commit()

    async def rollback(self) -> None:
        """Roll back (manual mode only)."""
        assert not self._managed, "Illegal in managed mode, use `raise_rollback` instead."
        await self._begun().rollback()

    def __await__(self) -> Generator[Any, None, Self]:
        return self._begin(False).__await__()

    async def __aenter__(self) -> Self:
        return await self._begin(True)

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool | None:
        transaction = self._begun()
        if error is None:
            await transaction.commit()
            return None
        if isinstance(error, _Leave):
            await (transaction.commit() if error.commits else transaction.rollback())
            return error.transaction is self
        # what went wrong first is what the caller has to see
        with suppress(Error):
            await transaction.rollback()
        return None

    async def _begin(self, managed: bool) -> Self:
        assert self._managed is None, "the transaction has been started before"
        self._managed = managed
        self._transaction = await self._connection.begin(*self._args, **self._kwargs)
        return self

    def _begun(self) -> _core.Transaction:
        assert self._transaction is not None, "the transaction has not been started"
        return self._transaction


class TransactionOnEngine:
    """`engine.transaction()`: a connection and a transaction on it, as one block."""

    def __init__(self, acquire: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._acquire = acquire
        self._args = args
        self._kwargs = kwargs
        self._transaction: GinoTransaction | None = None

    async def __aenter__(self) -> GinoTransaction:
        connection = await self._acquire.__aenter__()
        try:
            self._transaction = connection.transaction(*self._args, **self._kwargs)
            return await self._transaction.__aenter__()
        except BaseException:
            await self._acquire.__aexit__(None, None, None)
            raise

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool | None:
        assert self._transaction is not None
        try:
            return await self._transaction.__aexit__(kind, error, trace)
        finally:
            await self._acquire.__aexit__(kind, error, trace)
