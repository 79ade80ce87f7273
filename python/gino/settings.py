"""Addresses and keyword arguments of `create_engine` become the native configuration.

Owns: the spelling of URLs, the names of all keywords that are accepted, and what they mean for the
native driver.
Never does: connect; read the environment except to hand it on.
Called by: `gino.strategies`.
"""

from __future__ import annotations

import difflib
import getpass
import os
import ssl
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy.engine.url import URL
from sqlalchemy.exc import ArgumentError

from . import _core
from .exceptions import InterfaceWarning, NotSupportedError

_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg", "asyncpg")

# what may also stand in a URL: libpq's keywords, and those of asyncpg's connect() and create_pool()
_SETTINGS = _core.Config.KEYWORDS

# accepted because asyncpg does; the driver is our own, so they have nothing to act on
_WITHOUT_EFFECT = {
    "loop",
    "krbsrvname",
    "gsslib",
    "dialect",
}

# what asyncpg makes its objects of; ours are native
_CLASSES = {
    "connection_class": "to add methods, subclass GinoConnection and set it as `connection_cls` of "
    "an engine class",
    "record_class": "rows have names, attributes and columns as keys already",
}

# coroutine functions over a connection, and what must not be dropped silently
_HOOKS = ("init", "setup", "reset")
_REFUSED = {"connect"}

_SPECIAL = {"ssl", "direct_tls", "server_settings", "isolation_level", "pool_class"}

# taken by the engine and the strategy themselves
_OWN = {"bakery", "prebake", "echo", "logging_name", "execution_options", "strategy"}

_LEVELS = ("SERIALIZABLE", "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ")

_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def native_config(url: str | URL, keywords: Mapping[str, Any]) -> _core.Config:
    """The native configuration for an address and keywords; sizes are counts, times are seconds.

    Errors: TypeError for an unknown keyword, ArgumentError for a bad address or `ssl`,
    NotSupportedError for what the driver cannot do. A wrong isolation level is told by `hooks()`.
    """
    settings: dict[str, str] = {}
    for name, value in keywords.items():
        if name in _REFUSED:
            if value is not None:
                raise NotSupportedError(f"the {name}= hook is not supported by this driver")
        elif name in _SETTINGS:
            text = _text_of(name, value)
            if text is not None:
                settings[name] = text
        elif name in _CLASSES:
            _say_without_effect(name, value)
        elif name not in _WITHOUT_EFFECT | _SPECIAL and name not in _HOOKS:
            raise TypeError(_unknown(name))
    context = _encryption(settings, keywords.get("ssl"))
    if keywords.get("direct_tls"):
        settings["sslnegotiation"] = "direct"
    for name, value in (keywords.get("server_settings") or {}).items():
        settings[f"server_settings.{name}"] = str(value)
    level = keywords.get("isolation_level")
    if level is not None and _spelled(level) in _LEVELS:
        settings["default_transaction_isolation"] = isolation(level)
    settings.update(getattr(keywords.get("pool_class"), "settings", {}))
    return _core.Config(address(url), settings, _environment(), context)


def _environment() -> dict[str, str]:
    """The variables of this process, and its user where none says it, as in a container."""
    found = dict(os.environ)
    if not any(map(found.get, ("USER", "LOGNAME", "USERNAME"))):
        with suppress(KeyError, OSError):  # an account without a name
            found["USER"] = getpass.getuser()
    return found


def hooks(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The hooks among the keywords of `create_engine`. Errors: TypeError for one not callable.

    A wrong `isolation_level` is an `init` that fails: as in 1.x the first connection tells it.
    """
    found = {name: keywords[name] for name in _HOOKS if keywords.get(name) is not None}
    for name, hook in found.items():
        if not callable(hook):
            raise TypeError(f"{name} is a coroutine function, not {hook!r}")
    level = keywords.get("isolation_level")
    if level is not None and _spelled(level) not in _LEVELS:

        async def refuse(_connection: object) -> None:
            isolation(level)

        found["init"] = refuse
    return found


def address(url: str | URL) -> str:
    """The URL in the driver's own spelling, with its password. A URL object is not changed."""
    if isinstance(url, URL):
        if url.drivername not in _SCHEMES:
            raise ArgumentError(_bad_scheme(url.drivername))
        return url.set(drivername="postgresql").render_as_string(hide_password=False)
    scheme, separator, rest = str(url).partition("://")
    if not separator:
        raise ArgumentError("the address of a database starts with postgresql://")
    if scheme not in _SCHEMES:
        raise ArgumentError(_bad_scheme(scheme))
    return f"postgresql://{rest}"


def isolation(level: str) -> str:
    """The server's spelling of an isolation level. Errors: ArgumentError."""
    name = _spelled(level)
    if name not in _LEVELS:
        raise ArgumentError(
            f"Invalid value {level!r} for isolation_level. "
            f"Valid isolation levels for 'postgresql' are {', '.join(_LEVELS)}"
        )
    return name.lower()


def _spelled(level: str) -> str:
    return level.replace("_", " ").upper()


def _text_of(name: str, value: Any) -> str | None:
    if name == "password" and callable(value):
        value = value()
    if value is None:
        return None
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _encryption(settings: dict[str, str], wanted: Any) -> ssl.SSLContext | None:
    """What asyncpg's `ssl=` means to libpq's settings; a context of the application's own."""
    if isinstance(wanted, ssl.SSLContext):
        settings.update(sslmode="require", sslrootcert="")
        return wanted
    if wanted is True:
        # what ssl.create_default_context() verifies
        settings.update(sslmode="verify-full", sslrootcert="system")
    elif wanted is False:
        settings["sslmode"] = "disable"
    elif isinstance(wanted, str) and wanted in _MODES:
        settings["sslmode"] = wanted
    elif wanted is not None:
        raise ArgumentError(f"ssl is True, False, an ssl.SSLContext or one of: {', '.join(_MODES)}")
    return None


def _say_without_effect(name: str, value: Any) -> None:
    module = getattr(value, "__module__", None) or ""
    if value is None or module.partition(".")[0] == "asyncpg":
        return  # asyncpg's own: what the caller gets has the same names
    warnings.warn(
        f"{name}={getattr(value, '__qualname__', value)} has no effect, the driver makes objects "
        f"of its own classes: {_CLASSES[name]}",
        InterfaceWarning,
        stacklevel=2,
    )


def _bad_scheme(scheme: str) -> str:
    return f"{scheme!r} is not a kind of database that gino knows; one of: {', '.join(_SCHEMES)}"


def _unknown(name: str) -> str:
    known = [*_SETTINGS, *_WITHOUT_EFFECT, *_CLASSES, *_HOOKS, *_REFUSED, *_SPECIAL, *_OWN]
    nearest = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f", did you mean {nearest[0]!r}?" if nearest else ""
    return f"create_engine() got an unexpected keyword argument {name!r}{hint}"
