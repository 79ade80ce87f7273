"""Counting, and pages by key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from models import Note, Seat, Team, User, bound


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    async with bound(dsn) as metadata:
        yield metadata


async def all_of(query: Any, size: int) -> list[list[Any]]:
    """The pages of a query, to the end."""
    pages, after = [], None
    while True:
        page = await query.gino.page(after=after, size=size)
        pages.append(list(page))
        assert len(page) == len(page.items)
        if page.next is None:
            return pages
        assert len(page) == size
        after = page.next


async def test_count_and_exists(db: Any) -> None:
    assert await Team.query.gino.count() == 0
    assert await Team.query.gino.exists() is False
    await Team.bulk_create([{"name": name} for name in "aab"])
    query = Team.query.where(Team.name == sa.bindparam("name")).order_by(Team.id)
    assert await query.gino.count(name="a") == 2
    assert await query.gino.exists(name="a") is True
    assert await query.gino.exists(name="x") is False
    assert await Team.query.limit(2).gino.count() == 2
    assert await sa.select(Team.name).distinct().gino.count() == 2
    assert await sa.select(Team.name).group_by(Team.name).gino.count() == 2
    assert await sa.union_all(sa.select(Team.id), sa.select(Team.id)).gino.count() == 6
    assert await Team.load(parent=Team.alias()).query.gino.count() == 3
    assert await Team.query.gino.timeout(5).count() == 3
    with pytest.raises(TypeError, match=r"count\(\) is for queries, not for Update"):
        await Team.update.gino.count()


async def test_pages_follow_the_primary_key(db: Any) -> None:
    await Team.bulk_create([{"name": f"{n}"} for n in range(7)])
    pages = await all_of(Team.query, 3)
    assert [[team.id for team in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7]]
    assert all(isinstance(team, Team) for page in pages for team in page)
    assert (await Team.query.gino.page(size=3)).next == (3,)
    assert [team.id for team in await Team.query.gino.page(after=5, size=9)] == [6, 7]
    assert (await Team.query.gino.page(size=7)).next is None
    assert await all_of(Team.query.where(Team.id > 99), 3) == [[]]
    descending = await all_of(Team.query.order_by(Team.id.desc()), 5)
    assert [[team.id for team in page] for page in descending] == [[7, 6, 5, 4, 3], [2, 1]]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "order",
    [
        lambda: [Team.parent_id],
        lambda: [Team.parent_id.desc()],
        lambda: [Team.parent_id.asc().nulls_first(), Team.name.desc()],
        lambda: [Team.parent_id.desc().nulls_last(), Team.name],
        lambda: [Team.name.desc(), Team.parent_id, Team.id.desc()],
        lambda: [sa.func.lower(Team.name), Team.parent_id.desc()],
    ],
)
async def test_pages_hold_every_row_once_in_order(db: Any, order: Any, size: int) -> None:
    await Team.bulk_create([{"name": name} for name in "abA"])
    await Team.bulk_create([{"name": n, "parent_id": p} for n in "abB" for p in (1, None, 2, None)])
    sorting = order()
    expected = [team.id for team in await Team.query.order_by(*sorting, Team.id).gino.all()]
    pages = await all_of(Team.query.order_by(*sorting), size)
    assert [team.id for page in pages for team in page] == expected


async def test_keys_that_are_never_null_are_compared_at_once(db: Any) -> None:
    await Seat.bulk_create([{"row": r, "number": n} for r in (1, 2) for n in (1, 2, 3)])
    pages = await all_of(Seat.query.order_by(Seat.row, Seat.number), 4)
    assert [[(seat.row, seat.number) for seat in page] for page in pages] == [
        [(1, 1), (1, 2), (1, 3), (2, 1)],
        [(2, 2), (2, 3)],
    ]
    mixed = await all_of(Seat.query.order_by(Seat.row.desc(), Seat.number), 4)
    assert [(seat.row, seat.number) for page in mixed for seat in page] == [
        (2, 1), (2, 2), (2, 3), (1, 1), (1, 2), (1, 3),
    ]  # fmt: skip


async def test_pages_of_rows_and_loaders(db: Any) -> None:
    team = await Team.create(name="core")
    await User.bulk_create([{"nickname": n, "team_id": team.id} for n in "abc"])
    rows = sa.select(User.id, User.nickname).order_by(User.nickname.desc(), User.id)
    page = await rows.gino.page(size=2)
    assert [row.name for row in page] == ["c", "b"]
    assert page.next == ("b", 2)
    assert [tuple(row) for row in await rows.gino.page(after=page.next)] == [(1, "a")]
    loaded = await User.load(team=Team).query.order_by(User.nickname).gino.page(size=2)
    assert [(user.nickname, user.team.name) for user in loaded] == [("a", "core"), ("b", "core")]
    assert loaded.next == ("b", 2)
    names = await User.query.gino.load(User.nickname).page(size=2)
    assert names.items == ["a", "b"]


async def test_what_has_no_certain_pages_is_refused(db: Any) -> None:
    users = sa.select(User.nickname)
    for query, message in (
        (users.distinct(), "without DISTINCT"),
        (users.group_by(User.nickname), "without DISTINCT and GROUP BY"),
        (User.query.limit(3), "leave limit"),
        (User.query.order_by(sa.text("name")), "cannot compare with 'name'"),
        (Note.query, "needs an order"),
        (sa.select(User.id, Team.id), "needs an order"),
        (sa.union(users, users), "for a select"),
        (User.load(User.id).distinct(User.id).query, "distinct"),
    ):
        with pytest.raises(ValueError, match=message):
            await query.gino.page()
    with pytest.raises(ValueError, match="size=0"):
        await User.query.gino.page(size=0)
    with pytest.raises(ValueError, match=r"after= has 2 values, the order has 1: gt_users\.id"):
        await User.query.gino.page(after=(1, 2))
    with pytest.raises(ValueError, match="never NULL"):
        await User.query.gino.page(after=(None,))
    await User.bulk_create([{}, {}])
    with pytest.raises(ValueError, match="which the query does not select"):
        await users.gino.page(size=1)
