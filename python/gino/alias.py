"""Aliases of models: a table twice in one query, or a subquery read as a model.

Owns: `Alias` and the subquery that `Model.in_query` makes.
Never does: run queries.
Called by: `gino.crud`; it is public as `gino.crud.Alias`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .loader import AliasLoader


class Alias:
    """An alias of a model's table: its columns (by column name), then the alias, then the model's
    attributes.

    Called, it makes an instance of the model. Unknown attributes: AttributeError.
    """

    __loader_class__ = AliasLoader
    is_clause_element = False

    def __init__(self, model: Any, *args: Any, **kwargs: Any) -> None:
        self.model = model
        self.alias = model.__table_or_raise__().alias(*args, **kwargs)

    @classmethod
    def of_subquery(cls, model: Any, query: Any) -> Alias:
        """The columns of a query in the place of the model's."""
        model.__table_or_raise__()
        alias = cls.__new__(cls)
        alias.model = model
        alias.alias = query.subquery() if hasattr(query, "subquery") else query
        return alias

    def __clause_element__(self) -> Any:
        return self.alias

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("alias", "model"):
            raise AttributeError(name)
        columns = self.alias.c
        if name in columns:
            return columns[name]
        for target in (self.alias, self.model):
            try:
                found = getattr(target, name)
            except AttributeError:
                continue
            renamed = getattr(found, "name", None)
            if target is self.model and isinstance(renamed, str) and found in self.model:
                return columns[renamed]
            return found
        raise AttributeError(f"an alias of {self.model.__name__} has no attribute {name!r}")

    def __iter__(self) -> Iterator[Any]:
        return iter(self.alias.c)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.model(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Alias of {self.model.__name__}>"

    def load(self, *columns: Any, **extras: Any) -> AliasLoader:
        """A loader of these columns (all, if none are given) and these sub-results."""
        return AliasLoader(self, *columns, **extras)

    def on(self, on_clause: Any) -> AliasLoader:
        """A loader that is joined on this clause."""
        loader = AliasLoader(self)
        loader.on(on_clause)
        return loader

    def distinct(self, *columns: Any) -> AliasLoader:
        """A loader that makes one instance per key."""
        loader = AliasLoader(self)
        loader.distinct(*columns)
        return loader


Alias.__module__ = "gino.crud"
