"""Addresses and keywords of `create_engine`. Needs no server."""

from __future__ import annotations

import inspect
import os
import pwd
import ssl
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError

from gino.exceptions import InterfaceWarning, NotSupportedError
from gino.settings import address, hooks, isolation, native_config

DSN = "postgresql://someone:s3cret@db.example/name"


def test_scheme_is_replaced_and_the_rest_kept() -> None:
    for scheme in ("postgresql", "postgres", "postgresql+asyncpg", "asyncpg"):
        assert address(f"{scheme}://u:p@h:1/d?application_name=x") == (
            "postgresql://u:p@h:1/d?application_name=x"
        )


def test_url_object_goes_with_its_password_and_is_not_changed() -> None:
    url = URL.create("asyncpg", "u", "p@ss:/", "h", 5433, "d")
    assert make_url(address(url)).password == "p@ss:/"
    assert url.drivername == "asyncpg"


def test_user_is_the_systems_where_nothing_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "LOGNAME", "USERNAME", "LNAME", "PGUSER"):
        monkeypatch.delenv(name, raising=False)
    assert native_config("postgresql://h/d", {}).get("user") == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("LOGNAME", "me")
    assert native_config("postgresql://h/d", {}).get("user") == "me"


@pytest.mark.parametrize("wrong", ["mysql://h/d", "h/d", make_url("sqlite://")])
def test_other_databases_are_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError):
        address(wrong)


def test_isolation_levels_are_spelled_as_the_server_does() -> None:
    assert isolation("REPEATABLE_READ") == "repeatable read"
    with pytest.raises(ArgumentError, match="Valid isolation levels"):
        isolation("AUTOCOMMIT")


def test_every_keyword_of_asyncpg_is_accepted() -> None:
    config = native_config(
        DSN,
        {
            "host": ["a", "b"],
            "port": 5432,
            "user": "u",
            "password": lambda: "from a function",
            "database": "d",
            "timeout": 5.5,
            "command_timeout": None,
            "statement_cache_size": 10,
            "max_cached_statement_lifetime": 300,
            "max_cacheable_statement_size": 1024,
            "init_size": 2,
            "min_size": 0,
            "max_size": 4,
            "max_queries": 50,
            "max_inactive_connection_lifetime": 30.0,
            "server_settings": {"search_path": "a, b"},
            "ssl": False,
            "connection_class": None,
            "record_class": None,
            "loop": None,
            "init": None,
            "setup": None,
            "direct_tls": False,
            "gsslib": None,
            "passfile": None,
            "target_session_attrs": "any",
        },
    )
    assert "from a function" not in repr(config)
    assert "s3cret" not in repr(config)


def test_nothing_that_asyncpg_takes_is_unknown() -> None:
    asyncpg = pytest.importorskip("asyncpg")
    taken = {
        parameter.name: parameter.default
        for function in (asyncpg.connect, asyncpg.create_pool)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert len(taken) > 25
    for name, default in taken.items():
        native_config(DSN, {name: default})


def test_hook_has_to_be_callable() -> None:
    assert hooks({"init": print, "setup": None, "min_size": 1}) == {"init": print}
    with pytest.raises(TypeError, match="setup is a coroutine function"):
        hooks({"setup": "SELECT 1"})


def test_unknown_keyword_names_the_nearest() -> None:
    with pytest.raises(TypeError, match="'min_sise', did you mean 'min_size'"):
        native_config(DSN, {"min_sise": 1})
    with pytest.raises(TypeError, match=r"'qqqqq'$"):
        native_config(DSN, {"qqqqq": 1})


def test_what_the_driver_cannot_do_is_said() -> None:
    with pytest.raises(NotSupportedError, match="connect="):
        native_config(DSN, {"connect": print})


def test_classes_of_asyncpg_objects_are_said_to_have_no_effect() -> None:
    class Mine:
        pass

    for name in ("connection_class", "record_class"):
        with pytest.warns(InterfaceWarning, match=f"{name}=.*Mine has no effect"):
            native_config(DSN, {name: Mine})
    asyncpg = pytest.importorskip("asyncpg")
    native_config(DSN, {"connection_class": asyncpg.Connection, "record_class": asyncpg.Record})


def test_bad_size_names_the_setting() -> None:
    with pytest.raises(ValueError, match="max_size"):
        native_config(DSN, {"max_size": "many"})


@pytest.mark.parametrize(
    ("keywords", "setting"),
    [
        ({"ssl": "required"}, "ssl is True, False"),
        ({"ssl": "prefer", "direct_tls": True}, "sslnegotiation"),
        ({"sslmode": "verify"}, "sslmode"),
        ({"sslrootcert": "system", "ssl": "require"}, "sslmode"),
        ({"channel_binding": "always"}, "channel_binding"),
        ({"require_auth": "scram"}, "require_auth"),
        ({"min_protocol_version": "3.2"}, "min_protocol_version"),
    ],
)
def test_wrong_word_about_encryption_names_the_setting(
    keywords: dict[str, Any], setting: str
) -> None:
    with pytest.raises((ArgumentError, ValueError), match=setting):
        native_config(DSN, keywords)


def test_everything_about_encryption_is_accepted() -> None:
    context = ssl.create_default_context()
    for given in (True, False, context, "disable", "allow", "prefer", "require", "verify-full"):
        native_config(DSN, {"ssl": given})
    native_config(f"{DSN}?sslrootcert=system", {"ssl": context, "direct_tls": True})
    config = native_config(
        DSN,
        {
            "sslmode": "verify-ca",
            "sslnegotiation": "direct",
            "sslrootcert": Path("root.crt"),
            "sslcert": "c",
            "sslkey": "k",
            "sslpassword": "s3cret",
            "sslcertmode": "allow",
            "sslcrl": "l",
            "sslsni": True,
            "ssl_min_protocol_version": "TLSv1.2",
            "ssl_max_protocol_version": "TLSv1.3",
            "channel_binding": "require",
            "require_auth": "scram-sha-256",
            "gssencmode": "disable",
            "max_protocol_version": "latest",
        },
    )
    assert "s3cret" not in repr(config)
