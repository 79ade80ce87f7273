"""Connection strings as libpq has them: the table that both faces read, and the files it names."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gino import _core, create_engine
from gino.exceptions import OperationalError
from gino.settings import native_config

CASES = tomllib.loads((Path(__file__).parents[2] / "spec" / "urls.toml").read_text())["case"]
PASSWORD = "sesame"


def text(table: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in table.items()}


def in_directory(case: dict[str, Any], directory: Path) -> dict[str, Any]:
    """The case with its files made below `directory`, and every mention of them moved there."""
    files = {**case.get("files", {}), **case.get("shared_files", {})}
    moved = case | {"settings": text(case.get("settings", {}))}
    moved["environment"] = text(case.get("environment", {}))
    for path, content in files.items():
        target = directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(0o600 if path in case.get("files", {}) else 0o644)
    roots = {"/" + path.split("/")[1] for path in files}
    for root in roots:

        def move(value: Any, root: str = root) -> Any:
            return value.replace(root, f"{directory}{root}") if isinstance(value, str) else value

        for name in ("url", "error"):
            moved[name] = move(moved.get(name))
        moved["environment"] = {k: move(v) for k, v in moved["environment"].items()}
    return moved


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_case_of_the_table(case: dict[str, Any], tmp_path: Path) -> None:
    case = in_directory(case, tmp_path)
    arguments = (case.get("url"), case["settings"], case["environment"])
    if expected := case.get("error"):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            _core.Config(*arguments)
        # the system words a missing file in its own way
        wanted = expected.partition(": entity not found")[0]
        assert wanted in str(caught.value)
        assert PASSWORD not in str(caught.value)
        return
    config = _core.Config(*arguments)
    assert PASSWORD not in repr(config)
    for name, value in case.items():
        if name == "endpoints":
            assert config.endpoints == value
        elif name == "dsn":
            assert config.dsn_without_password == value
        elif name in _core.Config.KEYWORDS and name != "password":
            assert (config.get(name) or "none") == str(value), name


def test_keywords_of_libpq_are_arguments_of_create_engine() -> None:
    config = native_config(
        "postgresql://u@h/d",
        {"target_session_attrs": "standby", "keepalives_idle": 30, "min_size": 0},
    )
    assert config.get("target_session_attrs") == "standby"
    assert config.get("keepalives_idle") == "30"
    assert config.get("min_size") == "0"


@pytest.mark.parametrize("role", ["gino_password", "gino_md5", "gino_scram"])
async def test_password_file_lets_in(
    role: str, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passfile = tmp_path / "pass"
    passfile.write_text(f"*:*:*:nobody:no\n*:*:*:{role}:{role}\n")
    passfile.chmod(0o600)
    url = dsn.replace("//gino@", f"//{role}@")
    engine = await create_engine(url, passfile=passfile, min_size=1)
    assert await engine.scalar("SELECT current_user") == role
    await engine.close()
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    engine = await create_engine(url, min_size=1)
    assert await engine.scalar("SELECT current_user") == role
    await engine.close()
    passfile.chmod(0o644)
    with pytest.raises(OperationalError, match="chmod 600"):
        await create_engine(url, min_size=1)


async def test_service_names_the_place(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _core.Config(dsn, {}, {})
    host, _, port = config.endpoints[0].rpartition(":")
    services = tmp_path / "services"
    services.write_text(
        f"[here]\nhost={host}\nport={port}\nuser={config.get('user')}\n"
        f"dbname={config.get('dbname')}\napplication_name=of-the-service\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    engine = await create_engine("postgresql://?service=here", min_size=1)
    assert await engine.scalar("SHOW application_name") == "of-the-service"
    await engine.close()
