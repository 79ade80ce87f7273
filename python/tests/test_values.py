"""Native value objects: layouts, instances, attributes, `__values__`, programs and plans."""

import copy
import gc
import pickle
import weakref
from collections.abc import MutableMapping, Sequence
from typing import Any, Generic, TypeVar

import pytest

from gino import _core


class Column:
    def __init__(self, name: str) -> None:
        self.name = name


class Base(_core.Instance):
    __layout__ = None

    def __init_subclass__(cls) -> None:
        names = cls.__dict__.get("names")
        if names is None:
            return
        cls.__layout__ = _core.Layout(names)
        for index, name in enumerate(names):
            setattr(cls, name, _core.Attribute(name, index, Column(name)))


class User(Base):
    names = ("id", "nickname", "age")

    id: Any
    nickname: Any
    age: Any


class Mixin:
    kind = "mixed"

    def hello(self) -> str:
        return f"hello {self.nickname}"  # type: ignore[attr-defined]


class Mixed(Mixin, Base):
    names = ("id", "nickname")


def make(**values: Any) -> User:
    user = User()
    for name, value in values.items():
        setattr(user, name, value)
    return user


# ---- layouts and attributes ---------------------------------------------------------------------


def test_a_layout_keeps_its_names_in_order():
    assert _core.Layout(["b", "a"]).names == ("b", "a")


def test_a_layout_takes_strings_only():
    with pytest.raises(TypeError):
        _core.Layout([1])


def test_an_attribute_is_the_column_on_the_class_and_the_value_on_an_instance():
    assert isinstance(User.id, Column)
    assert User.id is User.__dict__["id"].column
    user = User()
    assert user.id is None
    user.id = 7
    assert user.id == 7
    assert user.nickname is None


def test_deleting_an_attribute_is_an_error():
    user = make(id=1)
    with pytest.raises(AttributeError):
        del user.id
    assert user.id == 1


def test_an_attribute_does_not_work_on_strangers():
    attribute = _core.Attribute("x", 0, None)
    with pytest.raises(TypeError):
        attribute.__get__(object(), object)
    with pytest.raises(TypeError):
        attribute.__set__(object(), 1)


@pytest.mark.parametrize("index", [3, 10**6, -1, -(10**6)])
def test_an_attribute_beyond_the_slots_reads_none_and_cannot_be_set(index: int):
    attribute = _core.Attribute("x", index, None)
    user = User()
    assert attribute.__get__(user, User) is None
    with pytest.raises(AttributeError):
        attribute.__set__(user, 1)


def test_an_attribute_can_be_subclassed_in_python():
    class Loud(_core.Attribute):
        def __init__(self, name: str, index: int) -> None:
            super().__init__(name, index, f"column {name}")

        def __get__(self, instance: Any, owner: Any) -> Any:
            value = super().__get__(instance, owner)
            return value if instance is None else f"{value}!"

    attribute = Loud("nickname", 1)
    attribute.extra = 1
    assert (attribute.name, attribute.index, attribute.column) == ("nickname", 1, "column nickname")
    user = make(nickname="daisy")
    assert attribute.__get__(user, User) == "daisy!"
    assert attribute.__get__(None, User) == "column nickname"


@pytest.mark.parametrize(
    "arguments", [(), ("x",), ("x", 0), ("x", "0", None), ("x", 0, None, None)]
)
def test_an_attribute_takes_three_arguments(arguments: tuple[Any, ...]):
    with pytest.raises(TypeError):
        _core.Attribute(*arguments)


# ---- instances ----------------------------------------------------------------------------------


def test_an_instance_has_a_dictionary_and_weak_references():
    user = make(id=1)
    user.team = "core"
    assert user.__dict__ == {"team": "core"}
    reference = weakref.ref(user)
    assert reference() is user
    del user
    assert reference() is None


def test_an_abstract_instance_has_no_values():
    assert dict(Base().__values__) == {}
    assert dict(_core.Instance().__values__) == {}


def test_plain_mixins_work_on_the_left_of_a_model():
    mixed = Mixed()
    mixed.nickname = "daisy"
    mixed.note = "in the dictionary"
    assert mixed.hello() == "hello daisy"
    assert mixed.kind == "mixed"
    assert mixed.__dict__ == {"note": "in the dictionary"}
    assert weakref.ref(mixed)() is mixed


def test_two_models_can_be_combined_by_inheritance():
    T = TypeVar("T")

    class Both(User, Mixed, Generic[T]):
        names = ("id", "nickname", "age", "more")

    both = Both()
    both.more = 4
    both.id = 1
    assert dict(both.__values__) == {"id": 1, "more": 4}


def test_slots_cannot_be_added_to_a_model():
    with pytest.raises(TypeError):
        type("Slotted", (Base,), {"__slots__": ("x",)})


def test_an_instance_takes_part_in_garbage_collection():
    user = make()
    user.nickname = [user]
    user.age = user
    user.me = user
    user.view = user.__values__
    reference = weakref.ref(user)
    del user
    gc.collect()
    assert reference() is None


def test_an_instance_gives_back_what_it_held():
    value = Column("held")
    reference = weakref.ref(value)
    user = make(nickname=value)
    del value
    user.nickname = None
    assert reference() is None


def test_a_long_chain_of_instances_goes_without_a_deep_stack():
    head = make()
    for _ in range(200_000):
        user = make(nickname=head)
        user.next = head
        head = user
    reference = weakref.ref(head)
    del head, user
    assert reference() is None


def test_an_instance_can_be_copied_and_pickled():
    user = make(id=1, nickname="daisy")
    user.tags = ["a"]
    for other in (copy.copy(user), copy.deepcopy(user), pickle.loads(pickle.dumps(user))):
        assert type(other) is User
        assert other is not user
        assert dict(other.__values__) == {"id": 1, "nickname": "daisy"}
        assert other.tags == ["a"]
    assert copy.copy(user).tags is user.tags
    assert copy.deepcopy(user).tags is not user.tags


def test_a_class_change_keeps_memory_safe():
    class Wide(Base):
        names = tuple("abcdefgh")

    mixed = Mixed()
    mixed.__class__ = Wide
    assert mixed.h is None
    with pytest.raises(AttributeError):
        mixed.h = 1
    with pytest.raises(IndexError):
        mixed.__values__["h"] = 1


# ---- __values__ ---------------------------------------------------------------------------------


def test_values_is_a_live_mapping_of_what_is_set():
    user = make(id=1)
    values = user.__values__
    assert isinstance(values, MutableMapping)
    assert values == {"id": 1}
    user.nickname = None
    assert values == {"id": 1, "nickname": None}
    assert list(values) == ["id", "nickname"]
    assert len(values) == 2
    assert "nickname" in values
    assert "age" not in values
    assert "nope" not in values
    assert 1 not in values
    values["age"] = 18
    assert user.age == 18
    del values["age"]
    assert user.age is None
    assert "age" not in values
    assert repr(values) == "{'id': 1, 'nickname': None}"
    assert {**values} == dict(values) == values.copy()
    assert values == make(id=1, nickname=None).__values__
    assert values != {"id": 2}


def test_values_knows_its_keys_only():
    values = make(id=1).__values__
    for name in ("nope", "age"):
        with pytest.raises(KeyError, match=name):
            values[name]
        with pytest.raises(KeyError, match=name):
            del values[name]
    with pytest.raises(KeyError, match="nope"):
        values["nope"] = 1


def test_values_has_the_methods_of_a_dictionary():
    user = make(id=1, nickname="daisy")
    values = user.__values__
    assert list(values.keys()) == ["id", "nickname"]
    assert list(values.values()) == [1, "daisy"]
    assert list(values.items()) == [("id", 1), ("nickname", "daisy")]
    assert values.get("id") == 1
    assert values.get("age") is None
    assert values.get("age", 3) == 3
    assert values.setdefault("age", 5) == 5
    assert values.setdefault("age", 6) == 5
    assert values.pop("age") == 5
    assert values.pop("age", "gone") == "gone"
    with pytest.raises(KeyError):
        values.pop("age")
    with pytest.raises(TypeError):
        values.pop("age", 1, 2)
    values.update({"id": 2}, age=7)
    values.update([("nickname", "x")])
    assert values == {"id": 2, "nickname": "x", "age": 7}
    assert values.popitem() == ("age", 7)
    values.clear()
    assert len(values) == 0
    with pytest.raises(KeyError):
        values.popitem()


# ---- plans and programs -------------------------------------------------------------------------


def test_modes_are_six_numbers():
    names = ["ALL", "FIRST", "ONE", "ONE_OR_NONE", "SCALAR", "STATUS"]
    assert [getattr(_core, name) for name in names] == list(range(6))


def test_a_plan_keeps_its_text():
    plan = _core.Plan("SELECT 1")
    assert plan.sql == "SELECT 1"
    other = plan.with_program(_core.Program(("row",)))
    assert other.sql == "SELECT 1"
    assert other is not plan


@pytest.mark.parametrize(
    "tree",
    [
        ("row",),
        ("column", 0),
        ("value", object()),
        ("call", print),
        ("tuple", (("row",), ("column", 1))),
        ("model", User, ((0, 0), (1, 1)), None, ()),
        ("model", User, ((0, 0),), (0,), (("team", ("model", Mixed, (), None, ()), False),)),
    ],
)
def test_a_program_takes_every_kind_of_node(tree: tuple[Any, ...]):
    assert _core.Plan("", program=_core.Program(tree))


@pytest.mark.parametrize(
    "tree",
    [
        (),
        ("nope",),
        ("row", 1),
        ("column", -1),
        ("column", "x"),
        ("model", User),
        ("model", "User", (), None, ()),
        ("tuple", (("nope",),)),
        "row",
        None,
    ],
)
def test_a_program_refuses_what_is_no_tree(tree: Any):
    with pytest.raises((TypeError, ValueError, OverflowError, IndexError)):
        _core.Program(tree)


def test_a_plan_in_a_cycle_with_its_model_is_collected():
    class Gone(Base):
        names = ("id",)

    program = _core.Program(("model", Gone, ((0, 0),), None, (("child", ("value", Gone), False),)))
    results = [Gone.__subclasses__]
    Gone.plan = _core.Plan("SELECT 1", program=program, results=results)
    reference = weakref.ref(Gone)
    del Gone, program, results
    gc.collect()
    assert reference() is None


def test_rows_are_made_by_queries_only():
    assert issubclass(_core.Row, Sequence)
    with pytest.raises(TypeError):
        _core.Row()
