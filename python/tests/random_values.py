"""Random values of PostgreSQL's types as Python has them: `KINDS` has a strategy for each type.

Owns: what a value of each type can be; edges are drawn more often than chance would.
Called by the property tests of the types.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from gino.types import BitString, Box, Circle, Line, LineSegment, Path, Point, Polygon, Range

INT2, INT4, INT8 = ((-(1 << bits), (1 << bits) - 1) for bits in (15, 31, 63))
integers = st.integers(*INT4)
# The server knows every character but NUL; half of a surrogate pair is none.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
words = st.text(st.characters(categories=["Ll", "Lo", "Nd"]), min_size=1, max_size=8)
# Geometry compares by a distance of 1e-06, and the server normalises what it can compute.
coordinates = st.integers(-(10**6), 10**6).map(lambda number: number / 64)
points = st.builds(Point, coordinates, coordinates)
# The last moments of Python stand for the infinities.
days = st.dates(dt.date.min + dt.timedelta(1), dt.date.max - dt.timedelta(1))
moments = st.datetimes(dt.datetime.min + dt.timedelta(1), dt.datetime.max - dt.timedelta(1))
aware = st.datetimes(
    dt.datetime.min + dt.timedelta(2), dt.datetime.max - dt.timedelta(2), timezones=st.just(dt.UTC)
)
zones = st.integers(-(15 * 3600 + 3599), 15 * 3600 + 3599).map(
    lambda seconds: dt.timezone(dt.timedelta(seconds=seconds))
)
spans = st.timedeltas(dt.timedelta(-(10**6)), dt.timedelta(10**6))
numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.builds(
        lambda digits, scale: Decimal(digits).scaleb(-scale),
        st.integers(-(10**80), 10**80),
        st.integers(0, 60),
    ),
    st.sampled_from([Decimal(text) for text in ("NaN", "Infinity", "-Infinity", "0", "0.000")]),
    st.sampled_from([Decimal("1E+1000"), Decimal("-1E-1000"), Decimal("9" * 500)]),
)
# A whole number of more digits than a float has is not what Python writes for it.
documents = st.recursive(
    st.none() | st.booleans() | st.integers(*INT8) | st.floats(-(2.0**53), 2.0**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
).map(lambda document: {"is": document})
bits = st.text("01", max_size=70).map(BitString)
paths = st.lists(points, min_size=1, max_size=5)


def networks(value: Any) -> Any:
    """An address and a network that it is in, as an interface where the network is larger."""
    address, length = value
    length = min(length, address.max_prefixlen)
    if length == address.max_prefixlen:
        return address
    return ipaddress.ip_interface(f"{address}/{length}")


addresses = st.tuples(st.ip_addresses(), st.integers(0, 128)).map(networks)
subnets = st.tuples(st.ip_addresses(), st.integers(0, 128)).map(
    lambda pair: ipaddress.ip_network(
        f"{pair[0]}/{min(pair[1], pair[0].max_prefixlen)}", strict=False
    )
)


def hardware(size: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=size, max_size=size).map(lambda octets: octets.hex(":"))


def ranges(values: st.SearchStrategy[Any], *, discrete: bool) -> st.SearchStrategy[Any]:
    """Ranges as the server writes them: the bounds of whole numbers and days are `[)`."""

    def build(bounds: list[Any], lower_inc: bool, upper_inc: bool) -> Range[Any]:
        lower, upper = bounds
        if lower is not None and upper is not None:
            lower, upper = sorted(bounds)
            if lower == upper:
                return Range(lower, upper, upper_inc=True) if not discrete else Range(empty=True)
        if discrete:
            return Range(lower, upper)
        return Range(lower, upper, lower_inc=lower_inc, upper_inc=upper_inc)

    bounds = st.lists(st.none() | values, min_size=2, max_size=2)
    return st.builds(build, bounds, st.booleans(), st.booleans()) | st.just(Range(empty=True))


def multiranges(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Ranges that neither meet nor touch."""

    def build(bounds: list[Any]) -> list[Range[Any]]:
        bounds = sorted(bounds)
        return [Range(*pair) for pair in zip(bounds[::2], bounds[1::2], strict=False)]

    return st.lists(values, max_size=8, unique=True).map(build)


def arrays(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Arrays of one to three dimensions, whose elements may be NULL."""

    def shaped(sizes: list[int]) -> st.SearchStrategy[Any]:
        inner = st.none() | values
        for size in sizes:
            inner = st.lists(inner, min_size=size, max_size=size)
        return inner

    sizes = st.lists(st.integers(1, 3), min_size=1, max_size=3)
    return st.just([]) | sizes.flatmap(shaped)


KINDS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int2": st.integers(*INT2),
    "int4": integers,
    "int8": st.integers(*INT8),
    "oid": st.integers(0, (1 << 32) - 1),
    "float4": st.floats(width=32),
    "float8": st.floats(),
    "numeric": numbers,
    "money": st.integers(-(10**15), 10**15).map(lambda cents: _money(cents)),
    "text": texts,
    "varchar": texts,
    "name": st.text("abc_ é", max_size=30),
    "bytea": st.binary(max_size=200),
    "uuid": st.uuids(),
    "json": documents,
    "jsonb": documents,
    "jsonpath": words.map(lambda word: f'$."{word}"'),
    "date": days,
    "time": st.times(),
    "timetz": st.builds(lambda time, zone: time.replace(tzinfo=zone), st.times(), zones),
    "timestamp": moments,
    "timestamptz": aware,
    "interval": spans,
    "inet": addresses,
    "cidr": subnets,
    "macaddr": hardware(6),
    "macaddr8": hardware(8),
    "varbit": bits,
    "tsvector": st.lists(words, max_size=5).map(lambda found: _lexemes(found)),
    "tsquery": st.lists(words, min_size=1, max_size=4).map(
        lambda found: " & ".join(f"'{word}'" for word in found)
    ),
    "point": points,
    "box": st.builds(lambda one, other: Box(*_corners(one, other)), points, points),
    "lseg": st.builds(LineSegment, points, points),
    "line": st.builds(Line, coordinates.filter(bool), coordinates, coordinates),
    "path": st.builds(lambda found, closed: Path(*found, is_closed=closed), paths, st.booleans()),
    "polygon": paths.map(lambda found: Polygon(*found)),
    "circle": st.builds(Circle, points, coordinates.map(abs)),
    "int4range": ranges(st.integers(INT4[0], INT4[1] - 1), discrete=True),
    "int8range": ranges(st.integers(INT8[0], INT8[1] - 1), discrete=True),
    "numrange": ranges(st.decimals(allow_nan=False, allow_infinity=False), discrete=False),
    "daterange": ranges(days, discrete=True),
    "tsrange": ranges(moments, discrete=False),
    "tstzrange": ranges(aware, discrete=False),
    "int4multirange": multiranges(st.integers(-(10**6), 10**6).map(lambda number: number * 3)),
    "tstzmultirange": multiranges(aware),
    "bool[]": arrays(st.booleans()),
    "int4[]": arrays(integers),
    "float8[]": arrays(st.floats()),
    "numeric[]": arrays(numbers),
    "text[]": arrays(texts),
    "bytea[]": arrays(st.binary(max_size=20)),
    "timestamptz[]": arrays(aware),
    "inet[]": arrays(addresses),
    "jsonb[]": arrays(documents.map(json.dumps)).map(lambda tree: _parsed(tree)),
    "int4range[]": arrays(ranges(st.integers(-1000, 1000), discrete=True)),
}


def _money(cents: int) -> str:
    """An amount as the server writes it in the locale C."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02}"


def _lexemes(found: list[str]) -> str:
    """A text search vector as the server writes it: each word once, in the order of their bytes."""
    return " ".join(f"'{word}'" for word in sorted(set(found), key=str.encode))


def _corners(one: Point, other: Point) -> tuple[Point, Point]:
    """The upper right one and the lower left one, as the server has them."""
    (left, right), (low, high) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    return Point(right, high), Point(left, low)


def _parsed(tree: Any) -> Any:
    return [_parsed(part) for part in tree] if isinstance(tree, list) else tree and json.loads(tree)
