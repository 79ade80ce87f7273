"""Passwords and keys are in no error, traceback, log line, repr or page, whatever goes wrong."""

from __future__ import annotations

import contextlib
import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from gino import Gino, create_engine
from gino import exceptions as exc
from gino._core import Config

SECRET = "tell-nobody-9f3a"
TOO = "tell-nobody-either"


def shown(error: BaseException) -> str:
    """All that a developer may see of an error, with the values of the frames' own objects."""
    words = traceback.format_exception(error)
    chained: BaseException | None = error
    while chained is not None:
        words += [str(chained), repr(chained), repr(vars(chained)), repr(chained.args)]
        chained = chained.__cause__ or chained.__context__
    return "\n".join(words)


def with_password(dsn: str, user: str, password: str) -> str:
    parts = urlsplit(dsn)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{place}"))


async def what_fails(dsn: str, **settings: Any) -> str:
    """What is shown of an engine that cannot connect."""
    with pytest.raises(exc.Error) as info:
        await create_engine(dsn, min_size=1, timeout=5, **settings)
    return shown(info.value)


@pytest.mark.parametrize("role", ["gino_scram", "gino_md5", "gino_password"])
async def test_wrong_password_is_not_shown(
    dsn: str, login: Callable[..., str], role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    words = await what_fails(login(role, SECRET))
    words += await what_fails(login(role), password=SECRET)
    assert "password authentication failed" in words
    assert SECRET not in words + caplog.text


async def test_unreachable_server_and_unknown_setting_show_no_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    words = await what_fails(f"postgresql://me:{SECRET}@127.0.0.1:1/data")
    for address in (
        f"postgresql://me:{SECRET}@127.0.0.1:x/data",
        f"postgresql://me:{SECRET}@127.0.0.1/data?paswort=1",
        f"postgresql://me@127.0.0.1/data?password={SECRET}&sslmode=perhaps",
        f"postgresql://me:{SECRET}@[::1/data",
        f"postgresql://me:{SECRET}%zz@127.0.0.1/data",
    ):
        with pytest.raises((ValueError, exc.Error, TypeError)) as info:
            await create_engine(address, min_size=1, timeout=2)
        words += shown(info.value)
    assert SECRET not in words + caplog.text


async def test_password_file_and_key_are_not_shown(
    login: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "passfile"
    file.write_text(f"*:*:*:*:{SECRET}\n{TOO}\n")
    file.chmod(0o600)
    key = tmp_path / "key.pem"
    key.write_text(f"-----BEGIN PRIVATE KEY-----\n{TOO}\n-----END PRIVATE KEY-----\n")
    key.chmod(0o600)
    words = await what_fails(login("gino_scram"), passfile=str(file))
    with pytest.raises((exc.Error, ValueError, OSError)) as info:
        await create_engine(
            login("gino_scram", SECRET),
            sslmode="require",
            sslkey=str(key),
            sslcert=str(key),
            sslpassword=TOO,
            min_size=1,
        )
    words += shown(info.value)
    assert SECRET not in words + caplog.text
    assert TOO not in words + caplog.text


async def test_engine_that_works_shows_no_password(
    login: Callable[..., str], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    address = login("gino_scram", "gino_scram")
    config = Config(address, {"application_name": "shown", "sslpassword": TOO}, {})
    words = [repr(config), str(config), config.dsn_without_password, *config.endpoints]
    assert config.get("user") == "gino_scram"
    db = Gino()
    engine = await create_engine(address, min_size=1, max_size=1, echo=True)
    db.bind = engine
    try:
        events: list[Any] = []
        stop = engine.on_query(events.append)
        async with engine.acquire() as connection:
            assert await connection.scalar("SELECT 1") == 1
            with contextlib.suppress(exc.Error):
                await connection.scalar("SELECT nothing")
            words += [repr(connection), repr(connection.raw_connection), repr(engine)]
            words += [repr(engine.raw_pool), repr(engine.stats()), repr(db), repr(db.bind)]
        stop()
        words += [repr(event) for event in events]
        words += [json.dumps(engine._native.stats(), default=repr), caplog.text]
        words += list(capsys.readouterr())
    finally:
        await engine.close()
    everything = "\n".join(words)
    assert TOO not in everything
    # the name of the role is the password here: it is never behind a colon, where one would stand
    assert ":gino_scram" not in everything
    assert "password='gino_scram'" not in everything
