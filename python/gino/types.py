"""Python classes for PostgreSQL's own kinds of values, with asyncpg's names and behaviour.

Owns: `Range`, `BitString` and the geometric types. Two values are equal if they say the same; one
of them may be asyncpg's.
Never does: know the wire; the native half makes and reads them.
Called by: the native half, applications.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, Self, TypeVar

__all__ = [
    "BitString",
    "Box",
    "Circle",
    "Line",
    "LineSegment",
    "Path",
    "Point",
    "Polygon",
    "Range",
]

T = TypeVar("T")


class Range(Generic[T]):
    """A range between two bounds; None is no bound. `empty`: the range that contains nothing."""

    __slots__ = ("_empty", "_lower", "_lower_inc", "_upper", "_upper_inc")

    def __init__(
        self,
        lower: T | None = None,
        upper: T | None = None,
        *,
        lower_inc: bool = True,
        upper_inc: bool = False,
        empty: bool = False,
    ) -> None:
        self._empty = empty
        self._lower = None if empty else lower
        self._upper = None if empty else upper
        self._lower_inc = not empty and lower is not None and lower_inc
        self._upper_inc = not empty and upper is not None and upper_inc

    @property
    def lower(self) -> T | None:
        """The lower bound."""
        return self._lower

    @property
    def lower_inc(self) -> bool:
        """Whether the lower bound is in the range."""
        return self._lower_inc

    @property
    def lower_inf(self) -> bool:
        """Whether there is no lower bound."""
        return self._lower is None and not self._empty

    @property
    def upper(self) -> T | None:
        """The upper bound."""
        return self._upper

    @property
    def upper_inc(self) -> bool:
        """Whether the upper bound is in the range."""
        return self._upper_inc

    @property
    def upper_inf(self) -> bool:
        """Whether there is no upper bound."""
        return self._upper is None and not self._empty

    @property
    def isempty(self) -> bool:
        """Whether it contains nothing."""
        return self._empty

    def issubset(self, other: Any) -> bool:
        """Whether all of it is in `other`."""
        if self._empty:
            return True
        if other.isempty:
            return False
        return _lower_holds(other, self) and _upper_holds(other, self)

    def issuperset(self, other: Any) -> bool:
        """Whether all of `other` is in it."""
        if other.isempty:
            return True
        if self._empty:
            return False
        return _lower_holds(self, other) and _upper_holds(self, other)

    def __bool__(self) -> bool:
        return not self._empty

    def __eq__(self, other: object) -> bool:
        if not hasattr(other, "isempty") or not hasattr(other, "lower_inc"):
            return NotImplemented
        return _range_key(self) == _range_key(other)

    def __hash__(self) -> int:
        return hash(_range_key(self))

    def __repr__(self) -> str:
        if self._empty:
            return "<Range empty>"
        opening, closing = "[" if self._lower_inc else "(", "]" if self._upper_inc else ")"
        lower = "" if self._lower is None else repr(self._lower)
        upper = "" if self._upper is None else repr(self._upper)
        return f"<Range {opening}{lower}, {upper}{closing}>"

    def __reduce__(self) -> Any:
        return _range, (self._lower, self._upper, self._lower_inc, self._upper_inc, self._empty)


class BitString:
    """A string of bits, made of its digits (`b"1011"`, `"10 11"`) or by `frombytes`."""

    __slots__ = ("_bytes", "_length")

    def __init__(self, bitstring: bytes | str | None = None) -> None:
        text = bitstring.decode("ascii") if isinstance(bitstring, bytes) else bitstring or ""
        digits = text.replace(" ", "")
        if digits.strip("01"):
            raise ValueError(f"a bit string has only the digits 0 and 1, not {text!r}")
        self._length = len(digits)
        count = -(-self._length // 8)
        self._bytes = int(digits.ljust(count * 8, "0") or "0", 2).to_bytes(count, "big")

    @classmethod
    def frombytes(cls, bytes_: bytes | None = None, bitlength: int | None = None) -> Self:
        """The first `bitlength` bits (None: all) of bytes."""
        made = bytes_ or b""
        length = len(made) * 8 if bitlength is None else bitlength
        if not 0 <= length <= len(made) * 8:
            raise ValueError(f"{len(made)} bytes do not have {length} bits")
        digits = "".join(f"{byte:08b}" for byte in made)
        return cls(digits[:length])

    @classmethod
    def from_int(cls, x: int, length: int, bitorder: str = "big", *, signed: bool = False) -> Self:
        """The bits of a number; in the order "little" the first bit counts least."""
        least, most = (
            (-(1 << length - 1), (1 << length - 1) - 1) if signed else (0, (1 << length) - 1)
        )
        if length <= 0 or not least <= x <= most:
            raise OverflowError(f"{x} does not fit into {length} bits")
        digits = f"{x & (1 << length) - 1:0{length}b}"
        return cls(_ordered(digits, bitorder))

    def to_int(self, bitorder: str = "big", *, signed: bool = False) -> int:
        """The number that the bits are; in the order "little" the first bit counts least."""
        if not self._length:
            return 0
        digits = _ordered(self._digits(), bitorder)
        value = int(digits, 2)
        return value - (1 << self._length) if signed and digits[0] == "1" else value

    @property
    def bytes(self) -> bytes:
        """The bits, eight a byte; those after the last are 0."""
        return self._bytes

    def as_string(self) -> str:
        """The digits, four a group."""
        digits = self._digits()
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))

    def _digits(self) -> str:
        return "".join(f"{byte:08b}" for byte in self._bytes)[: self._length]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> bool:
        return self._digits()[index] == "1"

    def __iter__(self) -> Iterator[bool]:
        return (digit == "1" for digit in self._digits())

    def __bytes__(self) -> Any:
        return self._bytes

    def __eq__(self, other: object) -> bool:
        if not hasattr(other, "as_string"):
            return NotImplemented
        return bool((self._bytes, len(self)) == (other.bytes, len(other)))  # type: ignore[attr-defined, arg-type]

    def __hash__(self) -> int:
        return hash((self._bytes, self._length))

    def __repr__(self) -> str:
        return f"<BitString {self.as_string()}>"


class Point(tuple[float, float]):
    """A point of a plane."""

    __slots__ = ()

    def __new__(cls, x: Any, y: Any) -> Self:
        return super().__new__(cls, (float(x), float(y)))

    @property
    def x(self) -> float:
        """Its first coordinate."""
        return self[0]

    @property
    def y(self) -> float:
        """Its second coordinate."""
        return self[1]

    def __getnewargs__(self) -> Any:
        return tuple(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({tuple(self)!r})"


class Box(tuple[Point, Point]):
    """A rectangle, by its upper right corner and its lower left one."""

    __slots__ = ()

    def __new__(cls, high: Sequence[float], low: Sequence[float]) -> Self:
        return super().__new__(cls, (Point(*high), Point(*low)))

    @property
    def high(self) -> Point:
        """The upper right corner."""
        return self[0]

    @property
    def low(self) -> Point:
        """The lower left corner."""
        return self[1]

    def __getnewargs__(self) -> Any:
        return tuple(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({tuple(self)!r})"


class LineSegment(tuple[Point, Point]):
    """The line between two points."""

    __slots__ = ()

    def __new__(cls, p1: Sequence[float], p2: Sequence[float]) -> Self:
        return super().__new__(cls, (Point(*p1), Point(*p2)))

    @property
    def p1(self) -> Point:
        """One end."""
        return self[0]

    @property
    def p2(self) -> Point:
        """The other."""
        return self[1]

    def __getnewargs__(self) -> Any:
        return tuple(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({tuple(self)!r})"


class Line(tuple[float, float, float]):
    """The line where `A * x + B * y + C` is 0."""

    __slots__ = ()

    def __new__(cls, A: Any, B: Any, C: Any) -> Self:
        return super().__new__(cls, (float(A), float(B), float(C)))

    @property
    def A(self) -> float:
        """The factor of x."""
        return self[0]

    @property
    def B(self) -> float:
        """The factor of y."""
        return self[1]

    @property
    def C(self) -> float:
        """The rest."""
        return self[2]

    def __getnewargs__(self) -> Any:
        return tuple(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({tuple(self)!r})"


class Circle(tuple[Point, float]):
    """A circle."""

    __slots__ = ()

    def __new__(cls, center: Sequence[float], radius: Any) -> Self:
        return super().__new__(cls, (Point(*center), float(radius)))

    @property
    def center(self) -> Point:
        """Its centre."""
        return self[0]

    @property
    def radius(self) -> float:
        """How far it is to the edge."""
        return self[1]

    def __getnewargs__(self) -> Any:
        return tuple(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({tuple(self)!r})"


class Path:
    """Points in a row; if `is_closed`, the last is followed by the first."""

    __slots__ = ("_points", "is_closed")

    is_closed: bool

    def __init__(self, *points: Sequence[float], is_closed: bool = False) -> None:
        self._points = tuple(Point(*point) for point in points)
        self.is_closed = is_closed

    @property
    def points(self) -> tuple[Point, ...]:
        """The points."""
        return self._points

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[Point]:
        return iter(self._points)

    def __getitem__(self, index: int) -> Point:
        return self._points[index]

    def __eq__(self, other: object) -> bool:
        if not hasattr(other, "is_closed") or not hasattr(other, "points"):
            return NotImplemented
        return bool((self._points, self.is_closed) == (tuple(other.points), other.is_closed))

    def __hash__(self) -> int:
        return hash((self._points, self.is_closed))

    def __reduce__(self) -> Any:
        return _path, (type(self), self._points, self.is_closed)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._points!r}>"


class Polygon(Path):
    """A closed path, with all that is inside."""

    __slots__ = ()

    def __init__(self, *points: Sequence[float]) -> None:
        super().__init__(*points, is_closed=True)


def _range(lower: Any, upper: Any, lower_inc: bool, upper_inc: bool, empty: bool) -> Range[Any]:
    return Range(lower, upper, lower_inc=lower_inc, upper_inc=upper_inc, empty=empty)


def _path(kind: type[Path], points: Sequence[Point], is_closed: bool) -> Path:
    return kind(*points) if issubclass(kind, Polygon) else kind(*points, is_closed=is_closed)


def _range_key(given: Any) -> tuple[Any, ...]:
    if given.isempty:
        return ("empty",)
    return (given.lower, given.lower_inc, given.upper, given.upper_inc)


def _lower_holds(outer: Any, inner: Any) -> bool:
    if outer.lower is None:
        return True
    if inner.lower is None or outer.lower > inner.lower:
        return False
    return bool(outer.lower < inner.lower or outer.lower_inc or not inner.lower_inc)


def _upper_holds(outer: Any, inner: Any) -> bool:
    if outer.upper is None:
        return True
    if inner.upper is None or outer.upper < inner.upper:
        return False
    return bool(outer.upper > inner.upper or outer.upper_inc or not inner.upper_inc)


def _ordered(digits: str, order: str) -> str:
    if order not in ("big", "little"):
        raise ValueError(f'bitorder={order!r}: "big" or "little"')
    return digits if order == "big" else digits[::-1]
