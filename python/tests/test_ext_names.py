"""Extensions are importable under the names of their former distributions, from what is shipped."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["gino_aiohttp", "gino_quart", "gino_sanic", "gino_starlette", "gino_tornado"]
CLASSES = ["Gino", "GinoConnection", "GinoEngine", "GinoExecutor"]


@pytest.mark.parametrize("name", NAMES)
def test_former_distribution_is_the_extension(name: str) -> None:
    former = importlib.import_module(name)
    extension = importlib.import_module(f"gino.ext.{name.removeprefix('gino_')}")
    own = [f"{name.removeprefix('gino_').title()}{kind}" for kind in ("ModelMixin", "Strategy")]
    assert {*CLASSES, *own} <= set(former.__all__)
    assert sorted(former.__all__) == sorted(extension.__all__)
    for item in extension.__all__:
        assert getattr(former, item) is getattr(extension, item)


def test_every_former_distribution_is_in_the_wheel_and_has_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["maturin"]["python-packages"] == ["gino", *NAMES]
    extras = project["project"]["optional-dependencies"]
    assert {name.removeprefix("gino_") for name in NAMES} <= set(extras)


def test_tornados_mixins_have_the_names_that_applications_derive_from() -> None:
    mixins = {"Application", "DBMixin", "GinoRequestHandler", "RequestHandlerMixin"}
    assert mixins <= set(importlib.import_module("gino_tornado").__all__)
