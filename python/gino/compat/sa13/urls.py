"""`URL(drivername=...)`, attributes that can be set, `str(url)` with the password, and psycopg2 for
an address that names no driver.

Owns: the URL class whose attributes can be set; all URLs made while the shims are in are of it.
Never does: show a password in `repr(url)`.
Called by: `gino.compat.sa13`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from sqlalchemy.engine.url import URL

from .patch import patches

_FIELDS = URL._fields
_WITHOUT_DRIVER = ("postgresql", "postgres")  # psycopg 3 now, if it is there


def install() -> None:
    """Put these shims in place."""
    patches.put(URL, "__new__", staticmethod(_new))
    patches.put(URL, "__str__", _str)
    patches.wrap(URL, "_get_entrypoint", _entrypoint)


class SettableURL(URL):
    """A URL whose attributes can be set."""

    def __iter__(self) -> Iterator[Any]:
        return iter([getattr(self, name) for name in _FIELDS])

    def __getitem__(self, index: Any) -> Any:
        return tuple(self)[index]

    def __hash__(self) -> int:
        return hash(self.render_as_string(hide_password=False))

    def __eq__(self, other: object) -> bool:
        return URL.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other


class _Settable:
    """The attribute at an index: what was set, else what the tuple holds."""

    def __init__(self, name: str, index: int) -> None:
        self.name = name
        self._index = index

    def __get__(self, url: Any, owner: Any) -> Any:
        if url is None:
            return self
        return url.__dict__.get(self.name, tuple.__getitem__(url, self._index))

    def __set__(self, url: Any, value: Any) -> None:
        patches.warn("setting attributes of a URL", f"url = url.set({self.name}=...)")
        url.__dict__[self.name] = _checked(self.name, value)


for _index, _name in enumerate(_FIELDS):
    setattr(SettableURL, _name, _Settable(_name, _index))


def _new(cls: Any, *args: Any, **keywords: Any) -> Any:
    if cls is URL:
        cls = SettableURL
    if len(args) == len(_FIELDS) and not keywords:
        return tuple.__new__(cls, args)  # URL.create() and make_url() do this
    patches.warn("URL(drivername=...)", "URL.create(drivername=...)")
    given = dict(zip(_FIELDS, args, strict=False)) | keywords
    unknown = given.keys() - set(_FIELDS)
    if unknown or "drivername" not in given:
        raise TypeError(f"URL() takes {', '.join(_FIELDS)}; drivername is required")
    return tuple.__new__(cls, [_checked(name, given.get(name)) for name in _FIELDS])


def _entrypoint(original: Callable[[URL], Any], url: URL) -> Any:
    if url.drivername in _WITHOUT_DRIVER and not find_spec("psycopg") and find_spec("psycopg2"):
        patches.warn(f"{url.drivername}:// for psycopg2", "postgresql+psycopg2://")
        url = url.set(drivername="postgresql+psycopg2")
    return original(url)


def _checked(name: str, value: Any) -> Any:
    """A value in the form in which SQLAlchemy keeps it."""
    if name == "query":
        return URL.create("postgresql", query=value or {}).query
    if name == "port":
        return int(value) if value else None
    return value


def _str(self: Any) -> str:
    patches.warn("str(url) with its password", "url.render_as_string(hide_password=False)")
    return URL.render_as_string(self, hide_password=False)
