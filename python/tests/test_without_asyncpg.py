"""What holds in a program that cannot import asyncpg, and in one that can.

Each runs in a process of its own: exception classes are made once per process.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[1]
BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "asyncpg":
            raise ModuleNotFoundError("No module named 'asyncpg'", name="asyncpg")

sys.meta_path.insert(0, Block())
"""
PROGRAM = """
import asyncio, sys
import gino
from gino import Gino, exceptions

db = Gino()

class User(db.Model):
    __tablename__ = "gt_without"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.Unicode, unique=True)

async def main():
    found = []
    async with db.with_bind(sys.argv[1], min_size=1, max_size=2) as engine:
        await db.gino.drop_all()
        await db.gino.create_all()
        await User.create(name="a")
        for work in (
            lambda: User.create(name="a"),
            lambda: db.scalar("SELECT * FROM gt_nothing"),
            lambda: db.scalar("SELECT 1 / 0"),
            lambda: db.scalar("SELECT $1::int", "x"),
        ):
            try:
                await work()
            except exceptions.Error as error:
                found.append(error)
        async with db.acquire() as connection:
            raw = await connection.get_raw_connection()
            assert await raw.fetchval("SELECT $1::int", 7) == 7
            assert (await raw.fetchrow("SELECT 1 AS a, 2 AS b"))["b"] == 2
            assert await raw.execute("SELECT 1") == "SELECT 1"
            async with raw.transaction():
                assert [row[0] async for row in raw.cursor("VALUES (1), (2)")] == [1, 2]
        async with engine.raw_pool.acquire() as raw:
            assert await raw.fetch("SELECT 1")
        await db.gino.drop_all()
    unique, undefined, division, misfit = found
    assert isinstance(unique, exceptions.UniqueViolationError), unique
    assert unique.sqlstate == "23505" and unique.constraint_name == "gt_without_name_key"
    assert isinstance(unique, exceptions.IntegrityError)
    assert isinstance(undefined, exceptions.UndefinedTableError)
    assert isinstance(division, exceptions.DivisionByZeroError)
    assert isinstance(misfit, exceptions.DataError)
    return found

errors = asyncio.run(main())
"""
WITHOUT = """
assert "asyncpg" not in sys.modules
assert all("asyncpg" not in cls.__module__ or cls.__module__.startswith("gino")
           for error in errors for cls in type(error).__mro__)
print("without")
"""
WITH = """
import asyncpg
unique, undefined, division, misfit = errors
assert isinstance(unique, asyncpg.UniqueViolationError)
assert isinstance(undefined, asyncpg.UndefinedTableError)
assert isinstance(division, asyncpg.DivisionByZeroError)
assert isinstance(misfit, asyncpg.DataError)
print("with")
"""


def run(program: str, dsn: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, dsn],
        env={"PYTHONPATH": str(PYTHON), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_errors_are_ours_alone(dsn: str) -> None:
    assert run(BLOCK + PROGRAM + WITHOUT, dsn) == "without"


def test_errors_are_those_of_asyncpg_too(dsn: str) -> None:
    pytest.importorskip("asyncpg")
    assert run(PROGRAM + WITH, dsn) == "with"
