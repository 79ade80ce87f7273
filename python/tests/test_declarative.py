"""Model classes: columns, mixins, tables and attributes. Needs no server."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from gino import Gino, GinoException
from gino.declarative import ColumnAttribute, InvertDict, declarative_base, declared_attr


@pytest.fixture
def db() -> Any:
    return Gino()


def test_column_has_its_name_inside_of_the_class_body(db: Any) -> None:
    names = []

    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)
        names.append(id.name)
        other = db.Column("explicit", db.Integer)
        quoted = db.Column(quoted_name("Quoted", True), db.Integer)
        names.extend([other.name, quoted.name])

    assert names == ["id", "explicit", "Quoted"]
    assert User.__table__.c.explicit is User.other


def test_attribute_is_the_column_on_the_class_and_the_value_on_an_instance(db: Any) -> None:
    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)

    assert User.id is User.__table__.c.id
    user = User()
    assert user.id is None
    user.id = 3
    assert user.id == 3
    assert dict(user.__values__) == {"id": 3}
    with pytest.raises(AttributeError):
        del user.id


def test_mixin_columns_are_copied_per_model(db: Any) -> None:
    class Mixin:
        created = db.Column(db.Integer)

    class A(db.Model, Mixin):
        __tablename__ = "a"
        id = db.Column(db.Integer, primary_key=True)

    class B(Mixin, db.Model):
        __tablename__ = "b"
        id = db.Column(db.Integer, primary_key=True)

    assert A.created is A.__table__.c.created
    assert B.created is B.__table__.c.created
    assert A.created is not B.created


def test_override_removes_a_mixin_column_from_the_table(db: Any) -> None:
    class Mixin:
        created = db.Column(db.Integer)

    class A(Mixin, db.Model):
        __tablename__ = "a"
        id = db.Column(db.Integer, primary_key=True)

        @property
        def created(self) -> int:
            return 5

    assert "created" not in A.__table__.c
    assert A().created == 5

    class B(Mixin, db.Model):
        __tablename__ = "b"
        created = None

    class C(Mixin, db.Model):
        __tablename__ = "c"

        def created(self) -> int:
            return 6

    assert [*B.__table__.c, *C.__table__.c] == []
    assert B.created is None
    assert C().created() == 6


def test_constraints_and_indexes_of_the_body_are_part_of_the_table(db: Any) -> None:
    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer)
        name = db.Column(db.Unicode)
        key = db.PrimaryKeyConstraint("id", name="users_key")
        unique = db.UniqueConstraint("name", name="users_name")
        check = db.CheckConstraint("id > 0", name="users_check")
        friend = db.ForeignKeyConstraint(["id"], ["users.id"], name="users_friend")
        index = db.Index("users_index", name)

    assert {c.name for c in User.__table__.constraints} == {
        "users_key",
        "users_name",
        "users_check",
        "users_friend",
    }
    assert [i.name for i in User.__table__.indexes] == ["users_index"]


def test_constraint_cannot_be_used_for_two_tables(db: Any) -> None:
    class Mixin:
        unique = db.UniqueConstraint("name")

    class A(db.Model, Mixin):
        __tablename__ = "a"
        name = db.Column(db.Unicode)

    with pytest.raises(ValueError, match="already attached to another table"):

        class B(db.Model, Mixin):
            __tablename__ = "b"
            name = db.Column(db.Unicode)

    with pytest.raises(ValueError, match="already attached to another table"):

        class C(A):
            __tablename__ = "c"


def test_table_args_may_be_a_dict_or_a_tuple_or_computed(db: Any) -> None:
    class A(db.Model):
        __tablename__ = "a"
        __table_args__ = {"schema": "s"}  # noqa: RUF012
        id = db.Column(db.Integer, primary_key=True)

    class B(db.Model):
        __tablename__ = "b"
        __table_args__ = (db.Column("hidden", db.Integer), {"comment": "c"})
        id = db.Column(db.Integer, primary_key=True)

    class C(db.Model):
        __tablename__ = "c"
        id = db.Column(db.Integer, primary_key=True)

        @declared_attr
        def __table_args__(cls) -> Any:
            return None

    class D(db.Model):
        __tablename__ = "d"
        __table_args__ = (db.UniqueConstraint("id", name="d_unique"),)
        id = db.Column(db.Integer)

    class E(db.Model):
        __tablename__ = "e"
        id = db.Column(db.Integer)

        @declared_attr
        def __table_args__(cls) -> Any:
            name = f"{cls.__tablename__}_unique"
            return (db.UniqueConstraint("id", name=name), {"comment": cls.__name__})

    assert "d_unique" in {constraint.name for constraint in D.__table__.constraints}
    assert "e_unique" in {constraint.name for constraint in E.__table__.constraints}
    assert E.__table__.comment == "E"
    assert A.__table__.schema == "s"
    assert B.__table__.comment == "c"
    assert "hidden" in B.__table__.c
    assert not hasattr(B, "hidden")
    assert C.__table__.implicit_returning is True


def test_table_name_may_be_computed_by_a_mixin(db: Any) -> None:
    class Named:
        @declared_attr
        def __tablename__(cls) -> str:
            return cls.__name__.lower()

    class Alpha(db.Model, Named):
        id = db.Column(db.Integer, primary_key=True)

    class Beta(Named, db.Model):
        id = db.Column(db.Integer, primary_key=True)

    assert Alpha.__table__.name == "alpha"
    assert Beta.__table__.name == "beta"


def test_nearest_table_name_wins_computed_or_not(db: Any) -> None:
    class Computed:
        @declared_attr
        def __tablename__(cls) -> str:
            return f"computed_{cls.__name__}"

    class Static:
        __tablename__ = "static"

    class A(Static, Computed, db.Model):
        id = db.Column(db.Integer)

    class B(Computed, Static, db.Model):
        id = db.Column(db.Integer)

    class C(Computed, Static, db.Model):
        __tablename__ = "own"
        id = db.Column(db.Integer)

    assert [model.__table__.name for model in (A, B, C)] == ["static", "computed_B", "own"]


def test_declared_attr_is_called_once_per_model_and_only_the_most_derived_one(db: Any) -> None:
    calls = []

    class Base:
        @db.declared_attr
        def extra(cls) -> Any:
            calls.append(("base", cls.__name__))
            return db.Column(db.Integer)

    class Derived(Base):
        @db.declared_attr()
        def extra(cls) -> Any:
            calls.append(("derived", cls.__name__))
            return db.Column(db.Unicode)

    class A(db.Model, Derived):
        __tablename__ = "a"
        id = db.Column(db.Integer, primary_key=True)

    class B(db.Model, Derived):
        __tablename__ = "b"

    class C(db.Model):
        __tablename__ = "c"

        @db.declared_attr
        def nothing(cls) -> Any:
            calls.append(("nothing", cls.__name__))

    assert A.extra is A.__table__.c.extra
    assert B.extra is B.__table__.c.extra is not A.extra
    assert C.nothing is C.nothing is None
    assert calls == [("derived", "A"), ("derived", "B"), ("nothing", "C")]


def test_declared_attr_with_table_runs_when_the_table_exists(db: Any) -> None:
    seen = []

    class A(db.Model):
        __tablename__ = "a"
        id = db.Column(db.Integer, primary_key=True)

        @db.declared_attr(with_table=True)
        def size(cls) -> Any:
            seen.append(cls.__table__.name)
            return len(cls.__table__.c)

    assert A.size == A.size == 1
    assert A().size == 1
    assert seen == ["a"]


def test_abstract_model_says_so(db: Any) -> None:
    class Abstract(db.Model):
        id = db.Column(db.Integer, primary_key=True)

    class Concrete(db.Model):
        __tablename__ = "concrete"
        id = db.Column(db.Integer, primary_key=True)

    message = r"^GINO model Abstract is abstract, no table is defined\.$"
    for use in (
        lambda: Abstract.query,
        lambda: Abstract.update,
        lambda: Abstract.delete,
        lambda: Abstract.alias(),
        lambda: Abstract.get(1),
        lambda: Abstract.select("id"),
        lambda: Abstract.join(Concrete),
        lambda: Abstract.outerjoin(Concrete),
        lambda: Concrete.join(Abstract),
        lambda: Concrete.outerjoin(Abstract),
        lambda: sa.select(Abstract),
        lambda: list(Abstract),
    ):
        with pytest.raises(TypeError, match=message):
            use()


async def test_abstract_instance_can_be_updated_in_memory_only(db: Any) -> None:
    class Abstract(db.Model):
        id = db.Column(db.Integer, primary_key=True)

    item = Abstract(id=1)
    request = item.update(id=2)
    assert item.id == 2
    with pytest.raises(TypeError, match="has no table"):
        await request.apply()
    with pytest.raises(TypeError, match="is abstract"):
        await item.create()
    with pytest.raises(TypeError, match="is abstract"):
        await item.delete()


def test_model_stands_for_its_table(db: Any) -> None:
    class Team(db.Model):
        __tablename__ = "teams"
        id = db.Column(db.Integer, primary_key=True)

    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)
        team_id = db.Column(db.ForeignKey("teams.id"))

    assert [column.name for column in User] == ["id", "team_id"]
    assert User.id in User
    assert Team.id not in User
    assert "FROM users" in str(sa.select(User))
    assert "JOIN teams" in str(User.join(Team))
    assert "LEFT OUTER JOIN teams" in str(sa.select(User.id).select_from(User.outerjoin(Team)))
    assert "FROM users" in str(sa.select(sa.func.count()).select_from(User))
    assert sa.inspect(User) is User.__table__


def test_two_concrete_models_can_be_combined(db: Any) -> None:
    class A(db.Model):
        __tablename__ = "a"
        a = db.Column(db.Integer, primary_key=True)

    class B(db.Model):
        __tablename__ = "b"
        b = db.Column(db.Integer)

    class C(A, B):
        __tablename__ = "c"
        c = db.Column(db.Integer)

    item = C(a=1, b=2, c=3)
    assert item.to_dict() == {"c": 3, "a": 1, "b": 2}
    assert C.a.table is C.__table__
    assert A.a.table is A.__table__


def test_models_may_have_column_attributes_of_their_own(db: Any) -> None:
    class Lower(ColumnAttribute):
        def __set__(self, instance: Any, value: Any) -> None:
            super().__set__(instance, value.lower() if isinstance(value, str) else value)

    class Base(db.Model):
        __attr_factory__ = Lower

    class User(Base):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)
        email = db.Column(db.Unicode)

    class Other(db.Model):
        __tablename__ = "others"
        email = db.Column(db.Unicode)

    assert type(User.__dict__["email"]) is Lower
    assert type(Other.__dict__["email"]) is ColumnAttribute
    assert User.email is User.__table__.c.email
    user = User(id=1, email="Ada@Example.org")
    assert (user.id, user.email) == (1, "ada@example.org")
    user.update(email="BOB@EXAMPLE.ORG")
    assert user.email == "bob@example.org"
    assert Other(email="Ada").email == "Ada"


def test_subclass_of_a_concrete_model_shares_its_table(db: Any) -> None:
    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)

    class Sub(User):
        @property
        def double(self) -> int:
            return self.id * 2

    assert Sub.__table__ is User.__table__
    assert Sub(id=2).double == 4


def test_abstract_model_may_stand_before_the_model_whose_table_it_is(db: Any) -> None:
    class Shouting(db.Model):
        def shout(self: Any) -> str:
            return self.name.upper()

    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.Unicode)

    class Sub(Shouting, User):
        pass

    assert Sub.__table__ is User.__table__
    assert Sub.query is not User.query
    assert Sub(id=1, name="ada").shout() == "ADA"
    assert Sub(id=1, name="ada").to_dict() == {"id": 1, "name": "ada"}

    class Stamped(db.Model):
        stamp = db.Column(db.Integer)

    with pytest.raises(TypeError, match=r"table of User.* no column for 'stamp'.*__tablename__"):

        class Wrong(Stamped, User):
            pass


def test_missing_class_attribute_is_named(db: Any) -> None:
    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)

    with pytest.raises(AttributeError, match="type object 'User' has no attribute 'nothing'"):
        _ = User.nothing


def test_unknown_keyword_lists_the_attributes(db: Any) -> None:
    class User(db.Model):
        __tablename__ = "users"
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column("column_name", db.Unicode)

    with pytest.raises(KeyError, match=r"nick.*id, name"):
        User(nick="x")
    with pytest.raises(KeyError, match="column_name"):
        User(column_name="x")
    with pytest.raises(KeyError, match="nick"):
        User().update(nick="x")


def test_inverted_dict_refuses_two_keys_with_one_value() -> None:
    names = InvertDict(a="c1")
    names["a"] = "c1"
    assert names.invert_get("c1") == "a"
    with pytest.raises(GinoException, match="Column name c1 already maps to"):
        names["b"] = "c1"


def test_declarative_base_takes_any_metadata() -> None:
    metadata = sa.MetaData()
    base = declarative_base(metadata)

    class User(base):
        __tablename__ = "users"
        id = sa.Column(sa.Integer, primary_key=True)

    assert metadata.tables["users"] is User.__table__
