"""`gino.types`: its classes do what asyncpg's do. Needs no server."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import pytest
from asyncpg import types as theirs

from gino import types as ours


def ranges(module: Any) -> list[Any]:
    made = [
        module.Range(lower, upper, lower_inc=lower_inc, upper_inc=upper_inc)
        for lower, upper in ((None, None), (None, 5), (1, None), (1, 5), (2, 4), (5, 9))
        for lower_inc, upper_inc in itertools.product((True, False), repeat=2)
    ]
    return [*made, module.Range(empty=True), module.Range()]


@pytest.mark.parametrize("name", ["issubset", "issuperset", "__eq__"])
def test_ranges_contain_and_equal_each_other_as_asyncpgs_do(name: str) -> None:
    pairs = list(zip(ranges(ours), ranges(theirs), strict=True))
    for (one, their_one), (two, their_two) in itertools.product(pairs, repeat=2):
        assert getattr(one, name)(two) == getattr(their_one, name)(their_two), (one, two)


def test_ranges_tell_their_bounds() -> None:
    names = ("lower", "upper", "lower_inc", "upper_inc", "lower_inf", "upper_inf", "isempty")
    for one, other in zip(ranges(ours), ranges(theirs), strict=True):
        assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
        assert bool(one) == bool(other)
        assert one == other
        assert hash(one) == hash(copy.copy(one))
        assert pickle.loads(pickle.dumps(one)) == one
        assert repr(one).startswith("<Range ")
    assert ours.Range(1, 2) != (1, 2)
    assert len({ours.Range(1, 2), ours.Range(1, 2), ours.Range(1, 3)}) == 2


@pytest.mark.parametrize("digits", ["", "0", "1", "1011", "1011 0", "0000 0001 1111 0000 1"])
@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("signed", [True, False])
def test_bit_strings_are_numbers_as_asyncpgs_are(digits: str, order: Any, signed: bool) -> None:
    one = ours.BitString(digits)
    other = theirs.BitString.frombytes(one.bytes, len(one))
    assert ours.BitString(digits.encode()) == one
    assert one == other
    assert (len(one), one.bytes, bytes(one)) == (len(other), other.bytes, other.bytes)
    assert one.as_string() == other.as_string().strip()
    assert list(one) == [bool(bit) for bit in other]
    assert [one[index] for index in range(len(one))] == list(one)
    number = one.to_int(order, signed=signed)
    assert number == other.to_int(order, signed=signed)
    if digits:
        again = ours.BitString.from_int(number, len(one), order, signed=signed)
        assert again == one
        assert hash(again) == hash(one)
    assert ours.BitString.frombytes(one.bytes, len(one)) == one
    assert one != digits
    assert one.as_string() in repr(one)


def test_what_is_no_bit_string_is_refused() -> None:
    with pytest.raises(ValueError, match="only the digits 0 and 1, not '102'"):
        ours.BitString("102")
    with pytest.raises(ValueError, match="1 bytes do not have 9 bits"):
        ours.BitString.frombytes(b"a", 9)
    for number, length, signed in ((2, 1, False), (-1, 4, False), (8, 4, True), (0, 0, False)):
        with pytest.raises(OverflowError, match=f"{number} does not fit into {length} bits"):
            ours.BitString.from_int(number, length, signed=signed)
    with pytest.raises(ValueError, match="bitorder='middle'"):
        ours.BitString("1").to_int("middle")


@pytest.mark.parametrize(
    ("name", "arguments", "parts"),
    [
        ("Point", (1, 2.5), ("x", "y")),
        ("Box", ((3, 4), (1, 2)), ("high", "low")),
        ("LineSegment", ((1, 2), (3, 4)), ("p1", "p2")),
        ("Line", (1, 2, 3), ("A", "B", "C")),
        ("Circle", ((1, 2), 3), ("center", "radius")),
    ],
)
def test_figures_have_the_parts_of_asyncpgs(name: str, arguments: Any, parts: Any) -> None:
    one, other = getattr(ours, name)(*arguments), getattr(theirs, name)(*arguments)
    assert one == other
    assert [getattr(one, part) for part in parts] == [getattr(other, part) for part in parts]
    assert pickle.loads(pickle.dumps(one)) == one
    assert type(copy.deepcopy(one)) is type(one)
    assert name in repr(one)


def test_paths_are_sequences_of_points() -> None:
    points = ((0, 0), (1, 0), (1, 1))
    is_open, closed = ours.Path(*points), ours.Path(*points, is_closed=True)
    polygon = ours.Polygon(*points)
    for one, other in (
        (is_open, theirs.Path(*points)),
        (closed, theirs.Path(*points, is_closed=True)),
        (polygon, theirs.Polygon(*points)),
    ):
        assert (len(one), one[1], one.points) == (len(other), other[1], other.points)
        assert one.is_closed == other.is_closed
        assert list(one) == list(other)
        assert one == other
        again = pickle.loads(pickle.dumps(one))
        assert (again, type(again), hash(again)) == (one, type(one), hash(one))
        assert type(one).__name__ in repr(one)
    assert is_open != closed
    assert is_open != points
