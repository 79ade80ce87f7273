"""Rows that `bulk_create` and its like are given, sorted by which attributes they have.

Owns: what a dict or an instance says about a row, and where its instance goes among the results.
Never does: know SQL.
Called by: `gino.bulk`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .json_support import is_mergeable, stored_profiles
from .update import is_expression


class Group:
    """Rows with the same attributes: their values, their places among all rows, and the instances
    that are to be filled. `given` are the names that the caller used.
    """

    __slots__ = ("attributes", "columns", "given", "places", "rows", "targets")

    def __init__(self, attributes: tuple[str, ...], given: tuple[str, ...]) -> None:
        self.attributes = attributes
        self.given = given
        self.places: list[int] = []
        self.targets: list[Any] = []
        self.rows: list[Mapping[str, Any]] = []
        # the values of all rows: a list for each attribute
        self.columns: list[list[Any]] = []

    def place(self, results: list[Any], loaded: Sequence[Any]) -> None:
        """Put what came back for the rows, in their order, where it belongs in `results`."""
        places = self.places
        missing = places[-1] + 1 - len(results)
        if missing == len(places) and not any(self.targets):
            results.extend(loaded)
            return
        results.extend([None] * missing)
        for place, target, instance in zip(places, self.targets, loaded, strict=True):
            results[place] = instance if target is None else filled(target, instance)

    def turn(self, names: Sequence[str]) -> None:
        """Make columns of the rows. Errors: TypeError for an SQL expression among the values."""
        for name in names:
            column = [row[name] for row in self.rows]
            for kind in set(map(type, column)):
                if is_expression(next(value for value in column if type(value) is kind)):
                    raise TypeError(
                        f"{name!r} of a row is an SQL expression; many rows take plain values: "
                        "write it with create() or update(), or as a server default"
                    )
            self.columns.append(column)
        self.rows = []


def filled(target: Any, instance: Any) -> Any:
    """`target` with the values of `instance`."""
    target.__values__.update(instance.__values__)
    target.__profile__ = None
    return target


def groups_of(model: Any, rows: Sequence[Any], first: int) -> list[Group]:
    """Rows for an INSERT, the first of them number `first` of all.

    Errors: KeyError for an unknown attribute, TypeError for what is no row or no plain value.
    """
    direct = model.__direct__
    is_plain = model.__plain_init__ and not model.__json_properties__
    groups: dict[Any, Group] = {}
    plain: dict[tuple[str, ...], Group] = {}
    for number, row in enumerate(rows, first):
        group = target = None
        values = row
        if is_plain and type(row) is dict:
            names = tuple(row)
            group = plain.get(names)
            if group is None and row.keys() <= direct:
                group = plain[names] = _group(groups, names, names)
        if group is None:
            values, given, target = _of_instance(model, row)
            group = _group(groups, values, given)
        group.rows.append(values)
        group.places.append(number)
        group.targets.append(target)
    for group in groups.values():
        group.turn(group.attributes)
    return list(groups.values())


def changes_of(model: Any, rows: Sequence[Any], first: int, seen: set[Any]) -> list[Group]:
    """Rows for an UPDATE: the values of a row are those of its key, of its other attributes, and
    the keys to be merged into JSON columns, whose names are `given`. `seen` are the keys so far.

    Errors: ValueError for a row without its key, with nothing else, or with the key of another.
    """
    keys = model.__plans__.keys
    groups: dict[Any, Group] = {}
    for number, row in enumerate(rows, first):
        values, patches = _changed(model, row)
        missing = [name for name in keys if name not in values]
        if missing:
            raise ValueError(
                f"row {number + 1} of bulk_update has no {missing[0]!r}, which is part of the key"
            )
        key = tuple([values[name] for name in keys])
        if key in seen:
            raise ValueError(f"row {number + 1} of bulk_update has the key of another: {key!r}")
        seen.add(key)
        if len(values) == len(keys) and not patches:
            raise ValueError(f"row {number + 1} of bulk_update has nothing but its key")
        group = _group(groups, (name for name in values if name not in keys), patches)
        group.places.append(number)
        group.targets.append(row if isinstance(row, model) else None)
        group.rows.append(values | patches)
    for group in groups.values():
        group.turn((*keys, *group.attributes, *group.given))
    return list(groups.values())


def _group(groups: dict[Any, Group], attributes: Iterable[str], given: Iterable[str]) -> Group:
    key = tuple(sorted(attributes)), tuple(sorted(given))
    found = groups.get(key)
    if found is None:
        found = groups[key] = Group(*key)
    return found


def _of_instance(model: Any, row: Any) -> tuple[dict[str, Any], tuple[str, ...], Any]:
    """The values of a row, the names that it was given, and the instance to be filled."""
    if isinstance(row, model):
        instance = target = row
        given = tuple(row.__values__)
    else:
        instance = model(**_mapping(model, row))
        given = tuple(row)
        target = None if model.__plain_init__ else instance
    values = dict(instance.__values__)
    for attribute, profile in stored_profiles(instance).items():
        values[attribute] = {**(values.get(attribute) or {}), **profile}
    return values, given, target


def _changed(model: Any, row: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The values of a row for an UPDATE, and the keys to be merged into JSON columns."""
    properties = model.__json_properties__
    patches: dict[str, dict[str, Any]] = {}
    if isinstance(row, model):
        values = dict(row.__values__)
        for name, value in (row.__profile__ or {}).items():
            prop = properties[name]
            stored = values.get(prop.prop_name) or {}
            values[prop.prop_name] = {**stored, name: prop.encode(value)}
        return values, patches
    values = {}
    scratch: Any = None
    for name, value in _mapping(model, row).items():
        if name in model._column_name_map:
            values[name] = value
        elif name in properties:
            prop = properties[name]
            if not is_mergeable(model.__plans__.column(prop.prop_name)):
                raise TypeError(
                    f"JSON is not supported to update single properties ({name!r} of "
                    f"{prop.prop_name!r}); use JSONB, or write the whole column"
                )
            scratch = scratch or model()
            setattr(scratch, name, value)
            encoded = prop.encode(prop.get_profile(scratch)[name])
            patches.setdefault(prop.prop_name, {})[name] = encoded
        else:
            raise KeyError(model.__unknown_attribute__(name))
    for attribute in [name for name in patches if name in values]:
        values[attribute] = {**(values[attribute] or {}), **patches.pop(attribute)}
    return values, patches


def _mapping(model: Any, row: Any) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return row
    raise TypeError(f"a row is a dict or an instance of {model.__name__}, not {type(row).__name__}")
