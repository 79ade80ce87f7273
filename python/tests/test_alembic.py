"""Alembic on `postgresql+gino`: an environment of the async template's shape, on a `Gino`."""

from __future__ import annotations

import asyncio
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import ProgrammingError

import gino

MODELS = """
    from gino import Gino
    from sqlalchemy.dialects.postgresql import ARRAY, JSONB, NUMRANGE, UUID

    db = Gino(schema="{schema}")


    class Team(db.Model):
        __tablename__ = "teams"
        id = db.Column(db.Integer(), primary_key=True)
        name = db.Column(db.Unicode(40), nullable=False, unique=True)


    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.BigInteger(), primary_key=True)
        key = db.Column(UUID(), server_default=db.text("gen_random_uuid()"))
        kind = db.Column(db.Enum("a", "b", name="kind"), nullable=False)
        joined = db.Column(db.DateTime(timezone=True), server_default=db.func.now())
        tags = db.Column(ARRAY(db.Unicode()))
        bounds = db.Column(NUMRANGE())
        score = db.Column(db.Numeric(10, 2), comment="of all games")
        profile = db.Column(JSONB(), nullable=False, server_default="{{}}")
        team_id = db.Column(db.ForeignKey(Team.id, ondelete="CASCADE"), index=True)
"""

ENVIRONMENT = """
    import asyncio

    from alembic import context
    from sqlalchemy import pool
    from sqlalchemy.ext.asyncio import async_engine_from_config

    from {models} import db

    config = context.config
    target_metadata = db


    def include_name(name, type_, parents):
        return type_ != "schema" or name == "{schema}"


    def do_run_migrations(connection):
        context.configure(
            connection=connection,
            target_metadata=target_metadata,
            include_schemas=True,
            include_name=include_name,
            version_table_schema="{schema}",
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


    async def run_async_migrations():
        connectable = async_engine_from_config(
            config.get_section(config.config_ini_section, {{}}),
            prefix="sqlalchemy.",
            poolclass=pool.NullPool,
        )
        async with connectable.connect() as connection:
            await connection.run_sync(do_run_migrations)
        await connectable.dispose()


    asyncio.run(run_async_migrations())
"""

SCRIPT = """
    revision = ${repr(up_revision)}
    down_revision = ${repr(down_revision)}
    branch_labels = None
    depends_on = None

    import gino  # db.Enum is written as gino.schema.Enum
    import sqlalchemy as sa
    from alembic import op
    from sqlalchemy.dialects import postgresql


    def upgrade():
        ${upgrades.replace(chr(10), chr(10) + "    ") if upgrades else "pass"}


    def downgrade():
        ${downgrades.replace(chr(10), chr(10) + "    ") if downgrades else "pass"}
"""


class Project:
    """A project with models and migrations, in a schema of its own."""

    def __init__(self, home: Path, dsn: str) -> None:
        self.dsn = dsn
        self.schema = f"alembic_{uuid.uuid4().hex[:8]}"
        models = f"models_{self.schema}"
        place = home / "migrations"
        (place / "versions").mkdir(parents=True)
        self._write(home / f"{models}.py", MODELS.format(schema=self.schema))
        self._write(place / "env.py", ENVIRONMENT.format(models=models, schema=self.schema))
        self._write(place / "script.py.mako", SCRIPT)
        self.config = Config()
        self.config.set_main_option("script_location", str(place))
        self.config.set_main_option("path_separator", "os")
        url = dsn.replace("postgresql://", "postgresql+gino://", 1)
        self.config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))

    def autogenerate(self, message: str) -> str:
        """The text of a new revision."""
        revision: Any = command.revision(self.config, message, autogenerate=True)
        return Path(revision.path).read_text()

    def head(self) -> str | None:
        return ScriptDirectory.from_config(self.config).get_current_head()

    def query(self, sql: str, *values: Any) -> list[Any]:
        async def go() -> list[Any]:
            engine = await gino.create_engine(self.dsn, min_size=0, max_size=1)
            async with engine.raw_pool.acquire() as connection:
                rows = await connection.fetch(sql, *values)
            await engine.close()
            return [row[0] for row in rows]

        return asyncio.run(go())

    def tables(self) -> set[str]:
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = $1"
        return set(self.query(sql, self.schema))

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(textwrap.dedent(text).lstrip())


@pytest.fixture
def project(tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(tmp_path))
    project = Project(tmp_path, dsn)
    project.query(f"CREATE SCHEMA {project.schema}")
    yield project
    project.query(f"DROP SCHEMA {project.schema} CASCADE")


def test_autogenerate_finds_the_tables_of_the_models(project: Project) -> None:
    text = project.autogenerate("first")
    assert "create_table('teams'" in text
    assert "create_table('users'" in text
    assert "ForeignKeyConstraint" in text
    assert "comment='of all games'" in text
    assert project.tables() <= {"alembic_version"}


def test_upgrade_and_downgrade_run_online(project: Project) -> None:
    project.autogenerate("first")
    command.upgrade(project.config, "head")
    assert project.tables() == {"alembic_version", "teams", "users"}
    assert project.query(f"SELECT version_num FROM {project.schema}.alembic_version") == [
        project.head()
    ]
    command.downgrade(project.config, "base")
    assert project.tables() == {"alembic_version"}


def test_a_second_autogenerate_is_empty(project: Project) -> None:
    project.autogenerate("first")
    command.upgrade(project.config, "head")
    text = project.autogenerate("second")
    assert text.count("pass") == 2, text
    command.upgrade(project.config, "head")
    command.check(project.config)


def test_a_migration_that_fails_leaves_nothing_behind(project: Project) -> None:
    project.autogenerate("first")
    command.upgrade(project.config, "head")
    revision: Any = command.revision(project.config, "broken")
    path = Path(revision.path)
    column = 'sa.Column("x", sa.Integer())'
    broken = f'op.add_column("teams", {column}, schema="{project.schema}"); op.execute("no sql")'
    path.write_text(path.read_text().replace("pass", broken, 1))
    with pytest.raises(ProgrammingError) as caught:
        command.upgrade(project.config, "head")
    assert isinstance(caught.value.orig, gino.exceptions.PostgresSyntaxError)
    columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = $1"
    assert "x" not in project.query(columns, project.schema)
