"""Models that read and write themselves: create, get, query, select, update, delete.

Owns: `CRUDModel`, the base of `db.Model`, on class and instance.
Never does: build SQL at run time for `get`, `create`, plain `update().apply()` and `delete`: these
take plans from `gino.plans`.
Called by: `gino.api`, applications.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import getattr_static
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import sqlalchemy as sa

from . import _core
from .alias import Alias
from .declarative import InvertDict, declarative_base
from .exceptions import NoRowReturnedError
from .execution import FIRST, STATUS, execute_into
from .json_support import JSONProperty, json_properties, stored_profiles
from .loader import ModelLoader
from .many import ManyModel
from .plans import CreatePlan, Plans
from .update import DEFAULT, NOWHERE, UpdateRequest, is_expression

if TYPE_CHECKING:
    from ._typed import CreateOf, DeleteOf, QueryOf, SelectOf, UpdateOf

__all__ = ["DEFAULT", "Alias", "CRUDModel", "UpdateRequest", "declarative_base"]

_CONTAINERS = {list, tuple, dict}


def _dual(of_class: Callable[[Any], Any], of_instance: Callable[[Any], Any]) -> Any:
    return _Dual(of_class, of_instance)


class _Dual:
    """One name, two meanings: on the class and on an instance."""

    def __init__(self, of_class: Callable[[Any], Any], of_instance: Callable[[Any], Any]) -> None:
        self._of_class = of_class
        self._of_instance = of_instance
        self.__doc__ = of_class.__doc__

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self._of_class(owner) if instance is None else self._of_instance(instance)


class CRUDModel(ManyModel):
    """Base of models: active records over one table.

    Keywords of the constructor, of `create` and of `update` are attribute names; an unknown one is
    a KeyError.
    """

    __loader_class__: ClassVar[type[ModelLoader[Any]]] = ModelLoader
    __json_properties__: ClassVar[dict[str, JSONProperty]] = {}
    __plans__: ClassVar[Any]
    __metadata__: ClassVar[Any]
    __slots_by_column__: ClassVar[dict[str, int]] = {}
    _column_name_map: ClassVar[InvertDict] = InvertDict()
    __direct__: ClassVar[frozenset[str]] = frozenset()
    _update_request_cls: ClassVar[type[UpdateRequest]] = UpdateRequest  # 1.x has it by this name
    __plain_init__: ClassVar[bool] = True
    __profile__: dict[str, Any] | None = None

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        names = cls._column_name_map
        for name, value in values.items():
            if name not in names and name not in cls.__json_properties__:
                raise KeyError(cls.__unknown_attribute__(name))
            setattr(self, name, value)

    # ---- class building -------------------------------------------------------------------------

    @classmethod
    def __model_created__(cls) -> None:
        """Called by the metaclass when the class is complete."""
        cls.__direct__ = frozenset(
            name
            for name in cls._column_name_map
            if getattr(type(getattr_static(cls, name)), "__set__", None) is _core.Attribute.__set__
        )
        cls.__plain_init__ = cls.__init__ is CRUDModel.__init__
        if cls.__table__ is None:
            cls.__plans__ = _NoPlans(cls)
            cls.__json_properties__ = {}
            return
        cls.__json_properties__ = json_properties(cls)
        cls.__plans__ = Plans(cls)

    @classmethod
    def __unknown_attribute__(cls, name: str) -> str:
        known = [*cls._column_name_map, *cls.__json_properties__]
        return f"{cls.__name__} has no attribute {name!r}; it has: {', '.join(known)}"

    # ---- reading --------------------------------------------------------------------------------

    @classmethod
    def get(
        cls, ident: Any, bind: Any = None, timeout: Any = DEFAULT, for_update: Any = None
    ) -> Awaitable[Self | None]:
        """The instance with this primary key, or None.

        `ident`: a value; for several key columns a tuple or list in their order, or a dict by
        attribute name or position. `timeout`: seconds. `for_update`: lock the row until the
        transaction ends: True (wait for others), "nowait", "skip_locked" (None if it is locked),
        or a dict with what `with_for_update()` takes. Errors: ValueError for a wrong number of
        values, KeyError for a wrong name, LockNotAvailableError for "nowait".
        """
        plan = cls.__plans__.by_key
        args: Any = (ident,)
        if plan is None or type(ident) in _CONTAINERS:
            plan, args = cls.__plans__.get(ident)
        if for_update is not None and for_update is not False:
            plan = cls.__plans__.locked(for_update)
        if bind is None:
            bind = cls.__metadata__.bind
        waiting: Awaitable[Self | None] = (
            bind.run(plan, args, FIRST)
            if timeout is DEFAULT
            else bind.run(plan, args, FIRST, timeout)
        )
        return waiting

    def _query_of_class(cls: Any) -> Any:
        """A select of all columns that loads models."""
        plans = cls.__plans__
        if plans.query is None:
            # the table in one piece: column by column its key in the compiled cache would be longer
            plans.query = sa.select(cls.__table_or_raise__()).execution_options(model=cls)
        return plans.query

    def _query_of_instance(self) -> Any:
        return _query_of(type(self)).where(self.lookup())

    query: ClassVar[QueryOf] = _dual(_query_of_class, _query_of_instance)

    def _select_of_class(cls: Any) -> Any:
        """`select("attribute", ...)`: a select of these columns that gives rows."""
        table = cls.__table_or_raise__()

        def select(*names: str) -> Any:
            columns = [getattr(cls, name) for name in names] if names else table.columns
            return sa.select(*columns).execution_options(model=cls, return_model=False)

        return select

    def _select_of_instance(self) -> Any:
        def select(*names: str) -> Any:
            return type(self).select(*names).where(self.lookup())

        return select

    select: ClassVar[SelectOf] = _dual(_select_of_class, _select_of_instance)

    # ---- writing --------------------------------------------------------------------------------

    def _create_of_class(cls: Any) -> Any:
        """`create(bind=None, timeout=DEFAULT, **values)`: insert a row, return its instance."""
        return MethodType(_create, cls)

    def _create_of_instance(self) -> Any:
        return MethodType(_create_instance, self)

    create: ClassVar[CreateOf] = _dual(_create_of_class, _create_of_instance)

    def _update_of_class(cls: Any) -> Any:
        """On the class an UPDATE clause; on an instance `update(**values)`, an UpdateRequest."""
        return cls.__table_or_raise__().update().execution_options(model=cls)

    def _update_of_instance(self) -> Any:
        return self._update_request_cls(self).update

    update: ClassVar[UpdateOf] = _dual(_update_of_class, _update_of_instance)

    def _delete_of_class(cls: Any) -> Any:
        """On the class a DELETE clause; on an instance `await delete(bind, timeout)`: the tag."""
        return cls.__table_or_raise__().delete().execution_options(model=cls)

    def _delete_of_instance(self) -> Any:
        return MethodType(_delete, self)

    delete: ClassVar[DeleteOf] = _dual(_delete_of_class, _delete_of_instance)

    # ---- where the row is -----------------------------------------------------------------------

    def lookup(self) -> Any:
        """The clause that finds this instance's row; override it for tables without primary key.

        Errors: LookupError if there is no primary key.
        """
        cls: Any = type(self)
        if cls.__table__ is None or not cls.__plans__.keys:
            raise LookupError(
                f"Instance-level CRUD operations not allowed on {cls.__name__}: "
                "it has no table or no primary key, and lookup() is not overridden"
            )
        return sa.and_(
            *(
                column == getattr(self, name)
                for name, column in zip(
                    cls.__plans__.keys, cls.__table__.primary_key.columns, strict=True
                )
            )
        )

    def append_where_primary_key(self, q: Any) -> Any:
        """The clause with a condition that finds this instance's row."""
        return q.where(self.lookup())

    @classmethod
    def __locate__(cls, instance: Any) -> Any:
        """Key values, or the clause of a custom `lookup()`, or NOWHERE."""
        if cls.lookup is not CRUDModel.lookup:
            return instance.lookup()
        keys = cls.__plans__.keys
        if len(keys) == 1:
            return (getattr(instance, keys[0]),)
        return tuple([getattr(instance, name) for name in keys]) if keys else NOWHERE

    @classmethod
    def __clause_at__(cls, locator: Any) -> Any:
        if type(locator) is not tuple:
            return locator
        columns = cls.__table__.primary_key.columns  # type: ignore[union-attr]
        return sa.and_(*(c == value for c, value in zip(columns, locator, strict=True)))

    # ---- loading --------------------------------------------------------------------------------

    @classmethod
    def load(cls, *columns: Any, **extras: Any) -> ModelLoader[Self]:
        """A loader of these columns (all, if none are given) and these sub-results."""
        return cls.__loader_class__(cls, *columns, **extras)

    @classmethod
    def on(cls, on_clause: Any) -> ModelLoader[Self]:
        """A loader that is joined on this clause."""
        return cls.__loader_class__(cls).on(on_clause)

    @classmethod
    def distinct(cls, *columns: Any) -> ModelLoader[Self]:
        """A loader that makes one instance per key."""
        return cls.__loader_class__(cls).distinct(*columns)

    @classmethod
    def none_as_none(cls, enabled: bool = True) -> ModelLoader[Self]:
        """A loader; see `ModelLoader.none_as_none`."""
        return cls.__loader_class__(cls).none_as_none(enabled)

    @classmethod
    def alias(cls, *args: Any, **kwargs: Any) -> Alias:
        """The model under another name, for a second place in one query."""
        return Alias(cls, *args, **kwargs)

    @classmethod
    def in_query(cls, query: Any) -> Alias:
        """The model read from a query's columns."""
        return Alias.of_subquery(cls, query)

    def to_dict(self) -> dict[str, Any]:
        """The values by attribute name; JSON properties instead of the columns they live in."""
        cls = type(self)
        hidden = {prop.prop_name for prop in cls.__json_properties__.values()}
        names = [name for name in cls._column_name_map if name not in hidden]
        return {name: getattr(self, name) for name in [*names, *cls.__json_properties__]}


class _NoPlans:
    """In the place of plans on abstract models: says so on use."""

    keys: ClassVar[list[str]] = []

    def __init__(self, model: Any) -> None:
        self.model = model

    query = None
    by_key = None

    def __getattr__(self, name: str) -> Any:
        self.model.__table_or_raise__()
        raise AttributeError(name)


def _query_of(cls: Any) -> Any:
    return cls.query


async def _create(cls: Any, bind: Any = None, timeout: Any = DEFAULT, **values: Any) -> Any:
    direct = cls.__direct__
    if not cls.__plain_init__ or cls.__json_properties__:
        return await _create_instance(cls(**values), bind, timeout)
    for name, value in values.items():
        if name not in direct or is_expression(value):
            return await _create_instance(cls(**values), bind, timeout)
    plan: CreatePlan = cls.__plans__.create(tuple(values))
    if bind is None:
        bind = cls.__metadata__.bind
    row = await bind.run(
        plan.plan,
        plan.arguments(list(values.values())),
        FIRST,
        None if timeout is DEFAULT else timeout,
    )
    if row is None:
        raise NoRowReturnedError(f"the new row of {cls.__name__} did not come back")
    return row


async def _create_instance(
    self: Any, bind: Any = None, timeout: Any = DEFAULT, **values: Any
) -> Any:
    cls = type(self)
    plans = cls.__plans__
    for name, value in values.items():
        if name not in cls._column_name_map and name not in cls.__json_properties__:
            raise KeyError(cls.__unknown_attribute__(name))
        setattr(self, name, value)
    values = dict(self.__values__)
    if cls.__json_properties__:
        for attribute, profile in stored_profiles(self).items():
            values[attribute] = {**(values.get(attribute) or {}), **profile}
    cls.__table_or_raise__()
    if bind is None:
        bind = cls.__metadata__.bind
    seconds = None if timeout is DEFAULT else timeout
    if any(map(is_expression, values.values())):
        columns = {plans.column(name): value for name, value in values.items()}
        statement = plans.table.insert().values(columns).returning(*plans.table.columns)
        row = await execute_into(bind, statement, cls, self, seconds)
    else:
        plan: CreatePlan = plans.create(tuple(values))
        args = plan.arguments(list(values.values()))
        row = await bind.run(plan.plan, args, FIRST, seconds, False, self)
    if row is None:
        raise NoRowReturnedError(f"the new row of {cls.__name__} did not come back")
    self.__profile__ = None
    return self


async def _delete(self: Any, bind: Any = None, timeout: Any = DEFAULT) -> str:
    cls = type(self)
    cls.__table_or_raise__()
    locator = cls.__locate__(self)
    if locator is NOWHERE:
        self.lookup()
    if bind is None:
        bind = cls.__metadata__.bind
    seconds = None if timeout is DEFAULT else timeout
    if type(locator) is tuple:
        done = await bind.run(cls.__plans__.delete(), locator, STATUS, seconds)
    else:
        clause = cls.__table__.delete().where(locator)
        done = await bind.status(clause.execution_options(timeout=seconds))
    return done[0]  # type: ignore[no-any-return]


_core.set_plain_init(CRUDModel.__init__)
