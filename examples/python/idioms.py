"""The idioms of existing GINO applications, in one: a small shop.

    python examples/python/idioms.py postgresql://localhost/gino

Owns: two tables with orders, which it makes and drops, and a page that shows a customer. What it
asserts is what such applications rely on.
Never does: use a form that only `gino.compat.sa13` knows.
Called by: python/tests/test_example_idioms.py.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import uuid
from enum import Enum
from typing import Any

import httpx
from sqlalchemy.dialects.postgresql import UUID, insert
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gino.crud import CRUDModel, UpdateRequest
from gino.declarative import Model, ModelType, declarative_base
from gino.dialects.asyncpg import ARRAY, JSONB, AsyncpgDialect, DBAPICursor
from gino.exceptions import MultipleResultsFound, NoResultFound
from gino.json_support import StringProperty
from gino.loader import ColumnLoader
from gino.schema import GinoSchemaVisitor
from gino_starlette import Gino, GinoEngine

try:  # as many applications have it; without asyncpg it is GINO's own
    from asyncpg.exceptions import UniqueViolationError
except ImportError:
    from gino.exceptions import UniqueViolationError

DEEP = (Model, ModelType, declarative_base, AsyncpgDialect, DBAPICursor, GinoSchemaVisitor)

db: Any = Gino()


class State(Enum):
    OPEN = "open"
    PAID = "paid"


class BaseModel(db.Model):
    """What many applications put between `db.Model` and their models."""

    id = db.Column(db.Integer(), primary_key=True)
    created_at = db.Column(db.DateTime(True), server_default=db.func.now())

    @classmethod
    async def count(cls) -> int:
        found: int = await db.select([db.func.count(cls.id)]).gino.scalar()
        return found


class Customer(BaseModel):
    __tablename__ = "shop_customers"

    token = db.Column(UUID(), default=uuid.uuid4, unique=True)
    name = db.Column(db.Unicode(), nullable=False, unique=True)
    tags = db.Column(ARRAY(db.Unicode()), server_default="{}")
    profile = db.Column(JSONB, nullable=False, server_default="{}")

    city = StringProperty()
    visits = db.IntegerProperty(default=0)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._orders: list[Any] = []

    @property
    def orders(self) -> list[Any]:
        return self._orders

    @orders.setter
    def add_order(self, order: Any) -> None:
        self._orders.append(order)


class Order(BaseModel):
    __tablename__ = "shop_orders"

    customer_id = db.Column(db.ForeignKey("shop_customers.id", ondelete="CASCADE"))
    state = db.Column(db.Enum(State, name="shop_state"), default=State.OPEN)
    total = db.Column(db.Numeric(10, 2), default=0)

    _index = db.Index("shop_orders_customer", "customer_id")


async def active_records() -> None:
    ada = await Customer.create(name="ada", city="Ulm", tags=["new"])
    bob = await Customer.create(name="bob")
    assert (await Customer.get(ada.id)).to_dict()["city"] == "Ulm"
    assert isinstance(ada, CRUDModel)
    request = ada.update(name="Ada", visits=Customer.visits + 1)
    assert isinstance(request, UpdateRequest)
    await request.apply()
    assert (ada.name, ada.visits) == ("Ada", 1)
    for total in (5, 7):
        await Order.create(customer_id=ada.id, total=total)
    assert await Order.count() == 2
    try:
        await Customer.create(name="bob")
    except UniqueViolationError as error:
        violated = error.constraint_name
    assert violated == "shop_customers_name_key"
    assert await Customer.get(404) is None
    assert await Customer.select("name").where(Customer.id == bob.id).gino.scalar() == "bob"
    assert (await Customer.query.where(Customer.token == str(ada.token)).gino.one()).id == ada.id


async def queries() -> None:
    query = Customer.query.order_by(Customer.name.desc())
    assert [customer.name for customer in await query.gino.all()] == ["bob", "Ada"]
    assert (await query.gino.first()).name == "bob"
    assert await Customer.query.where(Customer.name == "eve").gino.one_or_none() is None
    for name, error in (("eve", NoResultFound), ("%", MultipleResultsFound)):
        try:
            await Customer.query.where(Customer.name.like(name)).gino.one()
        except error:
            continue
        raise AssertionError(name)
    rows = await db.all(
        db.select([Customer.name, db.func.count(Order.id).label("orders")])
        .select_from(Customer.outerjoin(Order))
        .group_by(Customer.name)
        .order_by(Customer.name)
    )
    assert [dict(row) for row in rows] == [
        {"name": "Ada", "orders": 2},
        {"name": "bob", "orders": 0},
    ]
    assert rows[0]["orders"] == rows[0].orders == rows[0][1]
    assert rows[0][Customer.name] == "Ada"
    assert list(rows[0].items()) == list(zip(rows[0].keys(), rows[0].values(), strict=True))
    assert "orders" in rows[0]
    assert "tags" not in rows[0]
    paid = db.case([(Order.total > 5, "much")], else_="little").label("paid")
    old = db.select([paid], whereclause=Order.id > 0, from_obj=[Order.__table__], order_by=Order.id)
    assert [row.paid for row in await old.gino.all()] == ["little", "much"]
    inner = Order.query.where(Order.total > 5).alias("inner")
    assert await db.select([inner.c.total]).select_from(inner).gino.scalar() == 7
    found = await db.select([Customer.id]).gino.model(Customer).first()
    assert (type(found), found.name) == (Customer, None)
    assert await db.scalar("SELECT count(*) FROM shop_orders WHERE total > $1", 5) == 1
    assert (await db.status(db.text("SELECT 1 WHERE :yes"), {"yes": True}))[0] == "SELECT 1"
    assert await db.first(db.select([db.exists().where(Order.state == State.PAID)])) == (False,)
    either = db.or_(Customer.tags.contains(["new"]), Customer.city == "Rome")
    assert len(await Customer.query.where(either).limit(5).offset(0).gino.all()) == 1
    async with db.transaction():
        assert await Order.query.with_for_update().gino.first()
        assert [order.id async for order in Order.query.order_by(Order.id).gino.iterate()] == [1, 2]


async def changes() -> None:
    status, orders = await (
        Order.update.values(state=State.PAID).where(Order.total > 5).returning(*Order).gino.status()
    )
    assert status == "UPDATE 1"
    assert orders[0].state is State.PAID
    upsert = insert(Customer.__table__).values(name="bob", token=uuid.uuid4())
    again = upsert.on_conflict_do_update(index_elements=["name"], set_={"tags": ["old"]})
    assert (await db.first(again.returning(Customer.tags))).tags == ["old"]
    assert (await db.status(upsert.on_conflict_do_nothing()))[0] == "INSERT 0 0"
    assert await Customer.insert().gino.all({"name": "x"}, {"name": "y"}) is None
    assert (await Customer.delete.where(Customer.name.in_(["x", "y"])).gino.status())[
        0
    ] == "DELETE 2"
    eve = await Customer.create(name="eve")
    assert await eve.delete() == "DELETE 1"


async def loaders() -> None:
    parent = Order.load(customer=Customer)
    order = await parent.query.order_by(Order.id).gino.first()
    assert order.customer.name == "Ada"
    join = db.select([Customer, Order]).select_from(Customer.outerjoin(Order)).order_by(Order.id)
    loader = Customer.distinct(Customer.id).load(add_order=Order.distinct(Order.id))
    ada, bob = await join.gino.load(loader).all()
    assert ([order.id for order in ada.orders], bob.orders) == ([1, 2], [])
    other = Customer.alias()
    pairs = db.select([Customer.name, other.name]).where(Customer.id < other.id)
    assert await pairs.gino.load((ColumnLoader(Customer.name), other.name)).all() == [
        ("Ada", "bob")
    ]


async def schema() -> None:
    sequence = db.Sequence("shop_numbers", metadata=db)
    await sequence.gino.create()
    assert await db.scalar(db.select([sequence.next_value()])) == 1
    await sequence.gino.drop()
    await db.status("CREATE TABLE shop_old (id int)")
    assert (await db.status("DROP TABLE shop_old"))[0] == "DROP TABLE"
    await GinoSchemaVisitor(db).create_all(db.bind)  # what is there stays
    assert await Order.count() == 2


async def connections() -> None:
    async with db.acquire(reuse=False) as connection, connection.transaction() as tx:
        await Customer.create(bind=connection, name="lost")
        tx.raise_rollback()
    async with db.transaction(), db.transaction() as inner:
        await Customer.create(name="gone")
        inner.raise_rollback()
    async with db.acquire() as connection:
        named = await connection.prepare(Customer.query.where(Customer.name == db.bindparam("n")))
        assert [(await named.first(n=name)) is None for name in ("bob", "lost", "gone")] == [
            False,
            True,
            True,
        ]
    assert db.bind.raw_pool.get_size() >= 1
    assert isinstance(db.bind, GinoEngine)
    assert logging.getLogger("gino.engine._SAEngine").getEffectiveLevel() == logging.WARNING


async def show_customer(request: Request) -> JSONResponse:
    customer = await Customer.get_or_404(request.path_params["uid"])
    orders = Order.query.where(Order.customer_id == customer.id).order_by(Order.id.desc())
    last = await orders.gino.first_or_404()
    return JSONResponse({"name": customer.name, "last": str(last.total)})


async def requests() -> None:
    app = Starlette(routes=[Route("/customers/{uid:int}", show_customer)])
    db.init_app(app)  # the engine is bound: the application leaves it as it is
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://shop") as client,
    ):
        assert (await client.get("/customers/1")).json() == {"name": "Ada", "last": "7.00"}
        assert (await client.get("/customers/2")).status_code == 404  # without an order
        assert (await client.get("/customers/404")).status_code == 404
    assert db.bind.current_connection is None


async def opened(dsn: str) -> None:
    async with db.with_bind(dsn, min_size=1):
        pass


async def main(dsn: str) -> None:
    await db.set_bind(dsn, min_size=1, max_size=3)
    await db.gino.drop_all()
    await db.gino.create_all()
    try:
        for part in (active_records, queries, changes, loaders, schema, connections, requests):
            await part()
            print(part.__name__)
    finally:
        await db.gino.drop_all()
        await db.pop_bind().close()
    async with db.with_bind(dsn.replace("postgresql://", "asyncpg://", 1)):
        assert await db.scalar("SELECT 1") == 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python idioms.py postgresql://localhost/gino")
    from reach import reach

    reach(opened(sys.argv[1]))
    asyncio.run(main(sys.argv[1]))
