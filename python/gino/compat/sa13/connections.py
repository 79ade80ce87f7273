"""SQLAlchemy's synchronous connections, as migrations use them: plain SQL, rows by name.

Owns: `Connection.execute("...")`, `Connection.scalar("...")`, loose parameters, and `row["name"]`.
Never does: touch gino's own engine and connections, which always take strings.
Called by: `gino.compat.sa13`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Connection, Row

from .patch import patches


def install() -> None:
    """Put these shims in place."""
    patches.wrap(Connection, "execute", _execute)
    patches.wrap(Connection, "scalar", _scalar)
    patches.wrap(Row, "__getitem__", _item)


def _execute(
    original: Callable[..., Any],
    self: Connection,
    statement: Any,
    *multiparams: Any,
    execution_options: Any = None,
    **params: Any,
) -> Any:
    options = {} if execution_options is None else {"execution_options": execution_options}
    if isinstance(statement, str):
        patches.warn("execute() of a plain string", "execute(text(...)) or exec_driver_sql(...)")
        return self.exec_driver_sql(statement, _of_string(multiparams, params), **options)
    if "parameters" in params and not multiparams:
        multiparams = (params.pop("parameters"),)
    if params or len(multiparams) > 1:
        patches.warn("execute(clause, a=1)", 'execute(clause, {"a": 1})')
        multiparams = (list(multiparams) if len(multiparams) > 1 else params,)
    return original(self, statement, *multiparams, **options)


def _scalar(original: Callable[..., Any], self: Connection, *args: Any, **kwargs: Any) -> Any:
    if args and isinstance(args[0], str):
        return self.execute(*args, **kwargs).scalar()
    return original(self, *args, **kwargs)


def _item(original: Callable[..., Any], self: Any, key: Any) -> Any:
    if isinstance(key, int | slice):
        return original(self, key)
    patches.warn('row["name"]', 'row._mapping["name"] or row.name')
    return self._mapping[key]


def _of_string(multiparams: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """The parameters of a plain string: a mapping, a tuple, a list of either, or loose values."""
    if not multiparams:
        return params or None
    first = multiparams[0]
    if len(multiparams) == 1:
        return first if isinstance(first, list | tuple | dict) else (first,)
    if isinstance(first, list | tuple | dict):
        return list(multiparams)
    return multiparams
