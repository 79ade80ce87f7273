"""The forms of SQLAlchemy 1.3 that `db.select`, `db.case`, `db.exists` and `db.text` take."""

from __future__ import annotations

from typing import Any

import pytest
from models import Team, User, metadata

db: Any = metadata


def sql(clause: Any) -> str:
    return " ".join(str(clause.compile(compile_kwargs={"literal_binds": True})).split())


def test_old_select_says_the_same_as_the_new_one() -> None:
    old = db.select(
        [Team.id],
        Team.id > 1,
        [Team.__table__],
        order_by=[Team.id],
        group_by=Team.id,
        having=Team.id < 9,
        limit=3,
        offset=2,
        distinct=True,
        for_update=True,
        correlate=True,
    )
    new = (
        db.select(Team.id)
        .where(Team.id > 1)
        .select_from(Team.__table__)
        .group_by(Team.id)
        .having(Team.id < 9)
        .order_by(Team.id)
        .limit(3)
        .offset(2)
        .distinct()
        .with_for_update()
    )
    assert sql(old) == sql(new)
    assert sql(db.select([Team.id], whereclause=Team.id == 1)) == sql(
        db.select(columns=[Team.id]).where(Team.id == 1)
    )
    assert "gt_teams_id" in sql(db.select([Team.id], use_labels=True))
    assert sql(db.select([Team.id], from_obj=User.join(Team))).count("JOIN") == 1


def test_unknown_keywords_of_select_are_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        db.select([Team.id], colour="red")
    with pytest.raises(TypeError, match="order_by"):
        db.select(Team.id, order_by=Team.id)


def test_old_case_exists_and_text() -> None:
    assert sql(db.case([(Team.id == 1, "a")], else_="b")) == sql(
        db.case((Team.id == 1, "a"), else_="b")
    )
    assert sql(db.exists([Team.id], Team.id == 1)) == sql(
        db.exists(db.select(Team.id).where(Team.id == 1))
    )
    assert sql(db.text("SELECT :a", bindparams=[db.bindparam("a", 5)])) == "SELECT 5"


async def test_bind_of_text_and_select_is_what_they_run_on(dsn: str) -> None:
    from gino import create_engine

    engine = await create_engine(dsn, min_size=0, max_size=1)
    assert await db.text("SELECT 3", bind=engine).gino.scalar() == 3
    assert await db.select([db.literal_column("4")], bind=engine).gino.scalar() == 4
    await engine.close()
