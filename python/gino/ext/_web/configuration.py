"""The configuration of an application's database.

Owns: the names, defaults and types of all settings, as keywords and as `DB_...` of an application's
configuration, and the address they make.
Never does: connect.
Called by: `gino.ext._web.application`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from sqlalchemy.engine.url import URL

# the older spelling of the same setting
_ALIASES = {"retry_times": "retry_limit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Where the database is, and how an application uses it.

    `dsn` beats the parts of an address. Sizes are connections. `retry_limit`: tries at the start;
    `retry_interval`: seconds between them. `kwargs`: more keywords of `gino.create_engine`.
    """

    dsn: Any = None
    driver: str = "asyncpg"
    host: str = "localhost"
    port: int = 5432
    user: str = "postgres"
    password: str = field(default="", repr=False)
    database: str = "postgres"
    echo: bool = False
    pool_min_size: int | None = None
    pool_max_size: int = 10
    ssl: Any = None
    use_connection_for_request: bool = True
    retry_limit: int = 1
    retry_interval: float = 1
    kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, keywords: Mapping[str, Any]) -> Self:
        """Of keywords; None and texts as environment variables have them are understood.

        Errors: TypeError for an unknown name, ValueError for a value that does not fit.
        """
        values = {}
        for given, value in keywords.items():
            name = _ALIASES.get(given, given)
            if name not in NAMES:
                raise TypeError(unknown("the configuration", given, NAMES))
            if value is not None:
                values[name] = _READERS.get(name, _as_it_is)(given, value)
        return cls(**values)

    @classmethod
    def of_application(cls, config: Mapping[str, Any], keywords: Mapping[str, Any]) -> Self:
        """Of an application's configuration, `DB_HOST` and so on; keywords come first."""
        given = {
            name: config[f"DB_{name.upper()}"]
            for name in (*NAMES, *_ALIASES)
            if config.get(f"DB_{name.upper()}") is not None
        }
        return cls.of({**given, **keywords})

    @property
    def address(self) -> str | URL:
        """The DSN, else the URL that the parts make."""
        if self.dsn:
            return self.dsn if isinstance(self.dsn, URL) else str(self.dsn)
        return URL.create(
            self.driver,
            self.user,
            self.password or None,
            self.host,
            self.port,
            self.database,
        )

    @property
    def engine_keywords(self) -> dict[str, Any]:
        """Keywords for `gino.create_engine`."""
        smallest = min(5, self.pool_max_size) if self.pool_min_size is None else self.pool_min_size
        keywords = {"min_size": smallest, "max_size": self.pool_max_size, "echo": self.echo}
        if self.ssl is not None:
            keywords["ssl"] = self.ssl
        return {**keywords, **self.kwargs}


NAMES = frozenset(item.name for item in fields(Configuration))


def split(keywords: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings among keywords, and the others."""
    known = NAMES | set(_ALIASES)
    settings = {name: value for name, value in keywords.items() if name in known}
    return settings, {name: value for name, value in keywords.items() if name not in known}


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """The message for a keyword that is not one."""
    nearest = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f", did you mean {nearest[0]!r}?" if nearest else ""
    return f"{what} got an unexpected keyword argument {name!r}{hint}"


def _as_it_is(_name: str, value: Any) -> Any:
    return value


def _whole_number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} has to be a whole number, not {value!r}") from None


def _seconds(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} has to be a number of seconds, not {value!r}") from None


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, str):
        return bool(value)
    text = value.strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("", "0", "false", "no", "off"):
        return False
    raise ValueError(f"{name} has to be true or false, not {value!r}")


def _text(_name: str, value: Any) -> str:
    return str(value)


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "port": _whole_number,
    "pool_min_size": _whole_number,
    "pool_max_size": _whole_number,
    "retry_limit": _whole_number,
    "retry_interval": _seconds,
    "echo": _switch,
    "use_connection_for_request": _switch,
    "password": _text,  # a secret of a settings library shows itself by str() only
}
