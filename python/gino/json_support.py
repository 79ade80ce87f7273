"""JSON properties: typed attributes that live inside a JSON column.

Owns: the property classes, their hooks, and the decoded values of an instance (`__profile__`).
Never does: write to the database (`gino.update` merges keys, `gino.crud` stores them on create).
Called by: `gino.crud`, `gino.update`, class bodies.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from .exceptions import UnknownJSONPropertyError

__all__ = [
    "ArrayProperty",
    "BooleanProperty",
    "DateTimeProperty",
    "IntegerProperty",
    "JSONProperty",
    "ObjectProperty",
    "StringProperty",
]

DATETIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"
_MISSING: Any = object()


class Hook:
    """A decorator on a property that sets one of its hooks and gives the property back."""

    def __init__(self, parent: JSONProperty) -> None:
        self.parent = parent
        self.method: Callable[[Any, Any], Any] | None = None

    def __call__(self, method: Callable[[Any, Any], Any]) -> JSONProperty:
        self.method = method
        return self.parent

    def call(self, owner: Any, value: Any) -> Any:
        """The value after the hook, if there is one."""
        return value if self.method is None else self.method(owner, value)


class JSONProperty:
    """A key of the JSON column `prop_name`, read and written like a column.

    `default` is a value or a function of the instance. Hooks: `after_get(self, value)`,
    `before_set(self, value)`, and `expression(cls, clause)` for what the property is in SQL.
    """

    def __init__(self, default: Any = None, prop_name: str = "profile") -> None:
        self.name = ""
        self.default = default
        self.prop_name = prop_name
        self.expression = Hook(self)
        self.after_get = Hook(self)
        self.before_set = Hook(self)

    def __set_name__(self, owner: Any, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            clause = self.make_expression(getattr(owner, self.prop_name)[self.name])
            return self.expression.call(owner, clause)
        value = self.get_profile(instance).get(self.name, _MISSING)
        if value is _MISSING:
            value = self.default_for(instance)
        return self.after_get.call(instance, value)

    def __set__(self, instance: Any, value: Any) -> None:
        self.get_profile(instance)[self.name] = self.before_set.call(instance, value)

    def __delete__(self, instance: Any) -> None:
        self.get_profile(instance).pop(self.name, None)

    def default_for(self, instance: Any) -> Any:
        """The default value for an instance."""
        return self.default(instance) if callable(self.default) else self.default

    def get_profile(self, instance: Any) -> dict[str, Any]:
        """The decoded values of all JSON properties of an instance.

        Errors: UnknownJSONPropertyError if a column holds a key that is no property.
        """
        values: dict[str, Any] | None = instance.__profile__
        if values is None:
            values = read_profile(instance)
            instance.__profile__ = values
        return values

    def reload(self, instance: Any) -> None:
        """Take the value from the JSON column as it is in memory now."""
        stored = getattr(instance, self.prop_name, None) or {}
        profile = self.get_profile(instance)
        if self.name in stored:
            profile[self.name] = self.decode(stored[self.name])
        else:
            profile.pop(self.name, None)

    def make_expression(self, base_exp: Any) -> Any:
        """The property in SQL, from the expression of the key."""
        return base_exp

    def encode(self, value: Any) -> Any:
        """What is stored for a value."""
        return value

    def decode(self, value: Any) -> Any:
        """The value for what is stored."""
        return value


class StringProperty(JSONProperty):
    """A text."""

    def make_expression(self, base_exp: Any) -> Any:
        """The key as text."""
        return _astext(base_exp)


class DateTimeProperty(JSONProperty):
    """A datetime without time zone, stored as text in `DATETIME_FORMAT`."""

    def make_expression(self, base_exp: Any) -> Any:
        """The key as a timestamp."""
        return _astext(base_exp).cast(sa.DateTime)

    def encode(self, value: Any) -> Any:
        """The text of a datetime."""
        return value.strftime(DATETIME_FORMAT) if isinstance(value, datetime) else value

    def decode(self, value: Any) -> Any:
        """The datetime of a text."""
        return datetime.strptime(value, DATETIME_FORMAT) if isinstance(value, str) else value


class IntegerProperty(JSONProperty):
    """An integer; other numbers and texts are converted by `int()`."""

    def make_expression(self, base_exp: Any) -> Any:
        """The key as an integer."""
        return _astext(base_exp).cast(sa.Integer)

    def encode(self, value: Any) -> Any:
        """The integer."""
        return None if value is None else int(value)

    def decode(self, value: Any) -> Any:
        """The integer."""
        return None if value is None else int(value)


class BooleanProperty(JSONProperty):
    """A truth value."""

    def make_expression(self, base_exp: Any) -> Any:
        """The key as a boolean."""
        return _astext(base_exp).cast(sa.Boolean)

    def encode(self, value: Any) -> Any:
        """The truth value."""
        return None if value is None else bool(value)

    def decode(self, value: Any) -> Any:
        """The truth value."""
        return None if value is None else bool(value)


class ObjectProperty(JSONProperty):
    """A JSON object."""

    def decode(self, value: Any) -> Any:
        """The dict."""
        return value


class ArrayProperty(JSONProperty):
    """A JSON array."""

    def decode(self, value: Any) -> Any:
        """The list."""
        return value


def json_properties(model: Any) -> dict[str, JSONProperty]:
    """The JSON properties of a model by name; AttributeError if one has no JSON column."""
    found: dict[str, JSONProperty] = {}
    seen: set[str] = set()
    for owner in model.__mro__:
        for name, value in vars(owner).items():
            if name in seen:
                continue
            seen.add(name)
            if isinstance(value, JSONProperty):
                value.name = value.name or name
                found[name] = value
    for name, prop in found.items():
        column = model.__table__.columns.get(model._column_name_map.get(prop.prop_name))
        if column is None or not isinstance(_json_type(column), sa.JSON):
            raise AttributeError(
                f"{type(prop).__name__} {name!r} of {model.__name__} requires a JSON[B] column "
                f"called {prop.prop_name!r}"
            )
    return found


def is_mergeable(column: Any) -> bool:
    """Whether single keys of the column can be updated: JSONB can, JSON cannot."""
    return isinstance(_json_type(column), JSONB)


def read_profile(instance: Any) -> dict[str, Any]:
    """Decode the JSON columns of an instance."""
    properties: dict[str, JSONProperty] = type(instance).__json_properties__
    values: dict[str, Any] = {}
    for attribute in dict.fromkeys(prop.prop_name for prop in properties.values()):
        for key, stored in (getattr(instance, attribute, None) or {}).items():
            prop = properties.get(key)
            if prop is None or prop.prop_name != attribute:
                raise UnknownJSONPropertyError(
                    f"the key {key!r} in column {attribute!r} is no JSON property of "
                    f"{type(instance).__name__}"
                )
            values[key] = prop.decode(stored)
    return values


def stored_profiles(instance: Any) -> dict[str, dict[str, Any]]:
    """What `create` stores: for each JSON column its keys, defaults included."""
    cls = type(instance)
    found: dict[str, dict[str, Any]] = {}
    for name, prop in cls.__json_properties__.items():
        profile = prop.get_profile(instance)
        if name in profile:
            value = profile[name]
        else:
            value = None if prop.after_get.method else prop.default_for(instance)
            if value is None:
                continue
        found.setdefault(prop.prop_name, {})[name] = prop.encode(value)
    return found


def _json_type(column: Any) -> Any:
    kind = column.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _astext(clause: Any) -> Any:
    return clause.astext if hasattr(clause, "astext") else clause.as_string()
