"""Encryption and logging in: what every `sslmode` makes of every server, and what stays secret.

Most tests go by way of a gateway that encrypts; those at the end need a PostgreSQL that can.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import tls
from tls import Gateway

from cluster import Cluster
from gino import create_engine
from gino.exceptions import Error, OperationalError

ROOT = "sslrootcert={files}/root.crt"
OTHER_ROOT = "sslrootcert={files}/other_root.crt"

Login = Callable[[str, str], str]


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own certificates take part."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def files() -> Iterator[Path]:
    with tls.certificates() as made:
        yield made


@pytest.fixture(scope="module")
def real(files: Path) -> Iterator[Cluster]:
    """A PostgreSQL that encrypts."""
    found = tls.programs()
    if found is None:
        pytest.skip("no PostgreSQL with TLS on this machine")
    with tls.encrypting_cluster(files, found) as server:
        yield server


async def ask(address: str, sql: str = "SELECT 1", **keywords: Any) -> Any:
    """What a fresh engine gets for an answer."""
    engine = await create_engine(address, min_size=1, max_size=1, **keywords)
    try:
        return await asyncio.wait_for(engine.scalar(sql), 20)
    finally:
        await engine.close()


async def refused(address: str, **keywords: Any) -> str:
    """What keeps an engine from connecting."""
    with pytest.raises(Error) as caught:
        await asyncio.wait_for(ask(address, **keywords), 20)
    words = f"{caught.value} {caught.value!r}"
    assert "sesame" not in words
    assert "PRIVATE KEY" not in words
    return words


# ---- every mode, every server --------------------------------------------------------------------

# settings, certificate of the server: whether it is encrypted
WORKS: list[tuple[str, str | None, bool]] = [
    ("", "server", True),
    ("sslmode=disable", "server", False),
    ("sslmode=allow", "server", False),
    ("sslmode=prefer", "server", True),
    ("sslmode=require", "server", True),
    (f"sslmode=require&{ROOT}", "server", True),
    (f"sslmode=verify-ca&{ROOT}", "server", True),
    (f"sslmode=verify-full&{ROOT}", "server", True),
    ("sslmode=disable", None, False),
    ("sslmode=allow", None, False),
    ("sslmode=prefer", None, False),
    ("sslmode=prefer", "stranger", True),
    ("sslmode=require", "stranger", True),
    (f"sslmode=prefer&{ROOT}", "stranger", False),
    ("sslmode=require", "elsewhere", True),
    (f"sslmode=verify-ca&{ROOT}", "elsewhere", True),
    ("sslmode=require", "expired", True),
    ("sslmode=verify-full&sslrootcert={files}/self.crt", "self", True),
    (f"sslmode=require&sslnegotiation=direct&{ROOT}", "server", True),
    (f"sslmode=verify-full&sslnegotiation=direct&{ROOT}", "server", True),
    (f"sslmode=verify-full&{ROOT}&sslcrl={{files}}/root.crl", "server", True),
    (f"sslmode=verify-full&{ROOT}&ssl_min_protocol_version=TLSv1.3", "server", True),
    (f"sslmode=verify-full&{ROOT}&ssl_max_protocol_version=TLSv1.2", "server", True),
    ("sslmode=require&sslsni=0", "server", True),
]

# settings, certificate of the server: what is said
FAILS: list[tuple[str, str | None, str]] = [
    ("sslmode=require", None, "the server does not do TLS"),
    (f"sslmode=verify-ca&{ROOT}", None, "the server does not do TLS"),
    (f"sslmode=verify-full&{ROOT}", None, "the server does not do TLS"),
    (f"sslmode=require&{ROOT}", "stranger", "cannot negotiate TLS"),
    (f"sslmode=verify-ca&{ROOT}", "stranger", "cannot negotiate TLS"),
    (f"sslmode=verify-full&{ROOT}", "stranger", "cannot negotiate TLS"),
    (f"sslmode=verify-full&{OTHER_ROOT}", "server", "cannot negotiate TLS"),
    (f"sslmode=verify-full&{ROOT}", "elsewhere", "not valid for 'localhost'"),
    (f"sslmode=require&{ROOT}", "expired", "expired"),
    (f"sslmode=verify-ca&{ROOT}", "expired", "expired"),
    (f"sslmode=verify-full&{ROOT}", "self", "cannot negotiate TLS"),
    (f"sslmode=verify-full&{ROOT}&sslcrl={{files}}/revoked.crl", "server", "revoked"),
    ("sslmode=require&sslnegotiation=direct", None, "cannot negotiate TLS"),
    ("sslmode=verify-full", "server", "sslrootcert: verifying the server needs root"),
    ("sslmode=verify-ca&sslrootcert=/gone", "server", "sslrootcert: there is no file /gone"),
    ("sslmode=require&sslrootcert=/gone", "server", "sslrootcert: there is no file /gone"),
    ("sslmode=require&sslrootcert={files}/server.key", "server", "sslrootcert: "),
    ("sslrootcert=system", "server", "cannot negotiate TLS"),
]


@pytest.mark.parametrize(("settings", "certificate", "encrypted"), WORKS)
async def test_mode_leads_in(
    dsn: str, files: Path, settings: str, certificate: str | None, encrypted: bool
) -> None:
    with Gateway(dsn, files, certificate) as gateway:
        assert await ask(gateway.dsn(settings.format(files=files))) == 1
        last_one_counts = gateway.encrypted if encrypted else 0
        assert gateway.encrypted in (last_one_counts, 1 if certificate == "stranger" else 0)
        if settings == "sslmode=disable":
            assert gateway.requests == 0


@pytest.mark.parametrize(("settings", "certificate", "words"), FAILS)
async def test_mode_keeps_out(
    dsn: str, files: Path, settings: str, certificate: str | None, words: str
) -> None:
    with Gateway(dsn, files, certificate) as gateway:
        assert words in await refused(gateway.dsn(settings.format(files=files)))


async def test_version_that_the_server_does_not_speak_is_refused(dsn: str, files: Path) -> None:
    with Gateway(dsn, files, newest=ssl.TLSVersion.TLSv1_2) as gateway:
        assert await ask(gateway.dsn("sslmode=require")) == 1
        newest = gateway.dsn("sslmode=require&ssl_min_protocol_version=TLSv1.3")
        assert "cannot negotiate TLS" in await refused(newest)


async def test_direct_tls_without_its_protocol_is_refused(dsn: str, files: Path) -> None:
    with Gateway(dsn, files, alpn=None) as gateway:
        assert await ask(gateway.dsn("sslmode=require")) == 1
        direct = gateway.dsn("sslmode=require&sslnegotiation=direct")
        assert "does not speak postgresql" in await refused(direct)


@pytest.mark.parametrize("mode", ["prefer", "require"])
async def test_bytes_slipped_in_before_tls_are_noticed(dsn: str, files: Path, mode: str) -> None:
    with Gateway(dsn, files, answer=b"SR\0\0\0\x08\0\0\0\0") as gateway:
        words = await refused(gateway.dsn(f"sslmode={mode}"))
        assert "more than one byte" in words
        assert (gateway.requests, gateway.encrypted) == (1, 0)


async def test_error_instead_of_an_answer_is_not_shown(dsn: str, files: Path) -> None:
    lie = b"E\0\0\0\x20SFATAL\0C28P01\0Msesame\0\0"
    with Gateway(dsn, files, answer=lie) as gateway:
        words = await refused(gateway.dsn("sslmode=require"))
        assert "answered the request for it with an error" in words
        assert gateway.requests == 1


async def test_address_instead_of_a_name_is_verified_too(dsn: str, files: Path) -> None:
    settings = f"sslmode=verify-full&{ROOT}".format(files=files)
    with Gateway(dsn, files) as gateway:
        assert await ask(gateway.dsn(settings, host="127.0.0.1")) == 1
        assert "elsewhere.example" in await refused(gateway.dsn(settings, host="elsewhere.example"))


async def test_unix_socket_has_no_encryption_whatever_sslmode_says(socket_dsn: str) -> None:
    assert await ask(f"{socket_dsn}?sslmode=require", "SELECT inet_client_addr() IS NULL") is True


async def test_home_directory_has_the_usual_files(dsn: str, files: Path, empty_home: Path) -> None:
    home = empty_home / ".postgresql"
    home.mkdir()
    with Gateway(dsn, files) as gateway:
        (home / "root.crt").write_bytes((files / "other_root.crt").read_bytes())
        assert "cannot negotiate TLS" in await refused(gateway.dsn("sslmode=require"))
        (home / "root.crt").write_bytes((files / "root.crt").read_bytes())
        assert await ask(gateway.dsn("sslmode=verify-full")) == 1
        (home / "root.crl").write_bytes((files / "revoked.crl").read_bytes())
        assert "revoked" in await refused(gateway.dsn("sslmode=verify-full"))


# ---- what asyncpg calls ssl ----------------------------------------------------------------------


async def test_ssl_true_trusts_the_authorities_of_the_system(
    dsn: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Gateway(dsn, files) as gateway:
        assert "cannot negotiate TLS" in await refused(gateway.dsn(), ssl=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(files / "root.crt"))
        assert await ask(gateway.dsn(), ssl=True) == 1
        elsewhere = gateway.dsn(host="elsewhere.example")
        assert "elsewhere.example" in await refused(elsewhere, ssl=True)


@pytest.mark.parametrize("direct", [False, True])
async def test_context_of_the_application_decides(dsn: str, files: Path, direct: bool) -> None:
    good = ssl.create_default_context(cafile=files / "root.crt")
    bad = ssl.create_default_context(cafile=files / "other_root.crt")
    with Gateway(dsn, files) as gateway:
        assert await ask(gateway.dsn(), ssl=good, direct_tls=direct) == 1
        assert gateway.encrypted == 1
        assert gateway.requests == (0 if direct else 1)
        assert "cannot negotiate TLS" in await refused(gateway.dsn(), ssl=bad, direct_tls=direct)
    with Gateway(dsn, files, certificate=None) as gateway:
        assert "the server does not do TLS" in await refused(gateway.dsn(), ssl=good)


@pytest.mark.parametrize(
    ("given", "encrypted"), [(False, 0), ("disable", 0), ("prefer", 1), ("require", 1)]
)
async def test_words_of_asyncpg(dsn: str, files: Path, given: Any, encrypted: int) -> None:
    with Gateway(dsn, files) as gateway:
        assert await ask(gateway.dsn(), ssl=given) == 1
        assert gateway.encrypted == encrypted


# ---- over TLS as without -------------------------------------------------------------------------


async def test_large_results_and_parameters_go_through(dsn: str, files: Path) -> None:
    with Gateway(dsn, files) as gateway:
        engine = await create_engine(gateway.dsn("sslmode=require"), min_size=1, max_size=3)
        rows = await engine.all("SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) i")
        assert [row[0] for row in rows] == list(range(1, 5001))
        large = "y" * 5_000_000
        assert await engine.scalar("SELECT $1::text", large) == large
        numbers = (engine.scalar("SELECT $1::int", number) for number in range(100))
        assert await asyncio.gather(*numbers) == list(range(100))
        async with engine.acquire() as connection:
            raw = connection.raw_connection
            await raw.execute("CREATE TEMPORARY TABLE copied (t text)")
            lines = (b"z" * 999 + b"\n") * 5000
            assert await raw.copy_to_table("copied", source=lines) == "COPY 5000"
            taken = bytearray()

            async def slowly(data: bytes) -> None:
                taken.extend(data)
                await asyncio.sleep(0)

            assert await raw.copy_from_table("copied", output=slowly) == "COPY 5000"
            assert taken == lines
        async with engine.transaction():
            found = [row[0] async for row in engine.iterate("SELECT generate_series(1, 120)")]
        assert found == list(range(1, 121))
        await engine.close()


async def test_cancel_request_is_encrypted_too(dsn: str, files: Path) -> None:
    settings = f"sslmode=verify-full&{ROOT}".format(files=files)
    with Gateway(dsn, files) as gateway:
        engine = await create_engine(gateway.dsn(settings), min_size=1, max_size=1)
        pid = await engine.scalar("SELECT pg_backend_pid()")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.scalar("SELECT pg_sleep(60)"), 0.2)
        assert await asyncio.wait_for(engine.scalar("SELECT pg_backend_pid()"), 10) == pid
        assert gateway.cancels == 1
        await engine.close()


@pytest.mark.parametrize("version", ["3.0", "3.2"])
async def test_cancel_request_of_either_protocol_works(dsn: str, version: str) -> None:
    newest = await ask(dsn, "SELECT current_setting('server_version_num')::int") >= 180000
    at_least = f"&min_protocol_version={version}" if newest else ""
    joint = "&" if "?" in dsn else "?"
    address = f"{dsn}{joint}max_protocol_version={version}{at_least}"
    engine = await create_engine(address, min_size=1, max_size=1)
    pid = await engine.scalar("SELECT pg_backend_pid()")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(engine.scalar("SELECT pg_sleep(60)"), 0.2)
    assert await asyncio.wait_for(engine.scalar("SELECT pg_backend_pid()"), 10) == pid
    await engine.close()


async def test_connection_cut_after_any_byte_fails_once_and_does_not_hang(
    dsn: str, files: Path
) -> None:
    cut = 0
    for budget in range(0, 12_000, 613):
        with Gateway(dsn, files, budget=budget) as gateway:
            work = "SELECT string_agg(repeat('x', 100), '') FROM generate_series(1, 80)"
            try:
                assert len(await ask(gateway.dsn("sslmode=require"), work)) == 8000
            except (OperationalError, OSError):
                cut += 1
    assert cut > 10


async def test_connecting_that_is_cancelled_leaves_nothing_open(dsn: str, files: Path) -> None:
    with Gateway(dsn, files) as gateway:
        for delay in [0, 0, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.013]:
            work = asyncio.create_task(ask(gateway.dsn("sslmode=require")))
            await asyncio.sleep(delay)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        assert await ask(gateway.dsn("sslmode=require")) == 1


# ---- logging in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("certificate", "settings", "header"),
    [
        ("server", "sslmode=require", "SCRAM-SHA-256-PLUS p=tls-server-end-point,,"),
        ("old", "sslmode=require", "SCRAM-SHA-256-PLUS p=tls-server-end-point,,"),
        (
            "server",
            "sslmode=require&channel_binding=require",
            "SCRAM-SHA-256-PLUS p=tls-server-end-point,,",
        ),
        ("server", "sslmode=require&channel_binding=disable", "SCRAM-SHA-256 n,,"),
        (None, "sslmode=disable", "SCRAM-SHA-256 n,,"),
    ],
)
async def test_password_is_bound_to_the_certificate(
    dsn: str, files: Path, certificate: str | None, settings: str, header: str
) -> None:
    with Gateway(dsn, files, certificate, scram="sesame") as gateway:
        assert await ask(gateway.dsn(settings, user="gino:sesame")) == 1
        assert gateway.headers == [header]


async def test_wrong_password_is_an_error_without_the_password(dsn: str, files: Path) -> None:
    with Gateway(dsn, files, scram="right") as gateway:
        words = await refused(gateway.dsn("sslmode=prefer", user="gino:sesame"))
        assert "password authentication failed" in words
        # it is not tried again without encryption
        assert len(gateway.headers) == 1


async def test_downgrade_is_noticed(dsn: str, files: Path) -> None:
    with Gateway(dsn, files, scram="sesame", strips_plus=True) as gateway:
        words = await refused(gateway.dsn("sslmode=require", user="gino:sesame"))
        assert "tampered" in words
        assert gateway.headers == ["SCRAM-SHA-256 y,,"]
        required = gateway.dsn("sslmode=require&channel_binding=require", user="gino:sesame")
        assert "does not offer SCRAM-SHA-256-PLUS" in await refused(required)
        assert len(gateway.headers) == 1


async def test_somebody_in_between_with_another_certificate_gets_nowhere(
    dsn: str, files: Path
) -> None:
    with (
        Gateway(dsn, files, scram="sesame") as server,
        Gateway(f"postgresql://127.0.0.1:{server.port}{urlsplit(dsn).path}", files) as between,
    ):
        between.certificate, between.through = "stranger", True
        words = await refused(between.dsn("sslmode=require", user="gino:sesame"))
        assert "password authentication failed" in words
        assert server.headers == ["SCRAM-SHA-256-PLUS p=tls-server-end-point,,"]


async def test_channel_binding_that_cannot_be_had_is_said(dsn: str, login: Login) -> None:
    scram = login("gino_scram", "gino_scram")
    words = await refused(f"{scram}?sslmode=disable&channel_binding=require")
    assert "the connection is not encrypted" in words
    for role in ("gino_password", "gino_md5"):
        address = f"{login(role, role)}?channel_binding=require"
        assert "the server asks for the password itself" in await refused(address)
    assert "without a password" in await refused(f"{dsn}?channel_binding=require")


async def test_method_that_is_not_required_is_refused(login: Login) -> None:
    for role, method in [("password", "password"), ("md5", "md5"), ("scram", "scram-sha-256")]:
        address = login(f"gino_{role}", f"gino_{role}")
        assert await ask(f"{address}?require_auth={method}") == 1
        assert "require_auth" in await refused(f"{address}?require_auth=!{method},!none")


# ---- a PostgreSQL that encrypts ------------------------------------------------------------------

STATE = (
    "SELECT ssl::text || coalesce(' ' || version, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
)


def at(server: Cluster, settings: str, user: str = "gino") -> str:
    host = f"{user}@localhost:{server.port}"
    return f"postgresql://{host}/gino?hostaddr=127.0.0.1&{settings}"


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ("sslmode=disable", "false"),
        ("sslmode=allow", "false"),
        ("sslmode=prefer", "true TLSv1.3"),
        ("sslmode=require", "true TLSv1.3"),
        (f"sslmode=verify-full&{ROOT}", "true TLSv1.3"),
        (f"sslmode=verify-full&{ROOT}&ssl_max_protocol_version=TLSv1.2", "true TLSv1.2"),
    ],
)
async def test_server_says_how_it_is_encrypted(
    real: Cluster, files: Path, settings: str, state: str
) -> None:
    assert await ask(at(real, settings.format(files=files)), STATE) == state


async def test_direct_negotiation_with_a_real_server(real: Cluster, files: Path) -> None:
    address = at(real, f"sslmode=verify-full&sslnegotiation=direct&{ROOT}".format(files=files))
    if await ask(at(real, ""), "SELECT current_setting('server_version_num')::int") < 170000:
        assert "cannot negotiate TLS" in await refused(address)
    else:
        assert await ask(address, STATE) == "true TLSv1.3"


async def test_server_that_wants_the_other_kind_gets_it(real: Cluster) -> None:
    only_tls, only_plain = ("gino_only_tls:gino_only_tls", "gino_only_plain:gino_only_plain")
    assert await ask(at(real, "sslmode=allow", only_tls), STATE) == "true TLSv1.3"
    assert await ask(at(real, "sslmode=prefer", only_plain), STATE) == "false"
    assert "rejects connection" in await refused(at(real, "sslmode=disable", only_tls))
    assert "rejects connection" in await refused(at(real, "sslmode=require", only_plain))


@pytest.mark.parametrize("role", ["gino_scram", "gino_md5", "gino_password"])
async def test_every_password_works_over_tls(real: Cluster, role: str) -> None:
    assert await ask(at(real, "sslmode=require", f"{role}:{role}"), STATE) == "true TLSv1.3"
    words = await refused(at(real, "sslmode=require", f"{role}:sesame"))
    assert "password authentication failed" in words


async def test_real_server_takes_the_binding_and_notices_the_downgrade(
    real: Cluster, files: Path
) -> None:
    who = "gino_scram:gino_scram"
    bound = at(real, "sslmode=require&channel_binding=require", who)
    assert await ask(bound, STATE) == "true TLSv1.3"
    with Gateway(real.dsn, files, through=True, strips_plus=True) as between:
        words = await refused(between.dsn("sslmode=require", user=who))
        assert "channel binding" in words
    with Gateway(real.dsn, files, "stranger", through=True) as between:
        words = await refused(between.dsn("sslmode=require", user=who))
        assert "channel binding" in words


async def test_client_is_known_by_its_certificate(real: Cluster, files: Path) -> None:
    def as_client(name: str, key: str = "", more: str = "") -> str:
        settings = f"sslmode=require&sslcert={files}/{name}.crt&sslkey={files}/{key or name}.key"
        return at(real, f"{settings}{more}", "gino_cert")

    assert await ask(as_client("client"), "SELECT current_user::text") == "gino_cert"
    locked = as_client("client", "client_locked", "&sslpassword=sesame")
    assert await ask(locked, STATE) == "true TLSv1.3"
    assert "sslkey" in await refused(as_client("client", "client_locked", "&sslpassword=sesam"))
    assert "sslkey" in await refused(as_client("client", "client_locked"))
    assert "sslkey" in await refused(as_client("client", "server"))
    assert "expired" in await refused(as_client("client_expired"))
    assert "unknown ca" in (await refused(as_client("client_unknown"))).lower()
    nobody = await refused(at(real, "sslmode=require", "gino_cert"))
    assert "certificate" in nobody
    kept_back = as_client("client", more="&sslcertmode=disable")
    assert "certificate" in await refused(kept_back)


async def test_whether_a_certificate_was_asked_for_is_not_known(real: Cluster, files: Path) -> None:
    settings = "sslmode=require&sslcertmode=require"
    settings += f"&sslcert={files}/client.crt&sslkey={files}/client.key"
    words = await refused(at(real, settings, "gino_cert"))
    assert "sslcertmode: Python's ssl does not tell" in words
    assert "write allow" in words


async def test_certificate_and_password_may_both_be_wanted(real: Cluster, files: Path) -> None:
    def both(name: str) -> str:
        settings = f"sslmode=require&sslcert={files}/{name}.crt&sslkey={files}/{name}.key"
        return at(real, settings, "gino_both:gino_both")

    assert await ask(both("client_both"), "SELECT current_user::text") == "gino_both"
    assert "authentication failed" in await refused(both("client"))
    without = at(real, "sslmode=require", "gino_both:gino_both")
    assert "certificate" in await refused(without)


async def test_key_that_others_can_read_is_refused(
    real: Cluster, files: Path, tmp_path: Path
) -> None:
    key = tmp_path / "open.key"
    key.write_bytes((files / "client.key").read_bytes())
    key.chmod(0o644)
    settings = f"sslmode=require&sslcert={files}/client.crt&sslkey={key}"
    assert "others can read" in await refused(at(real, settings, "gino_cert"))
