"""The tz database in PostgreSQL, through GINO models: countries, and the time zones they keep.

The tables come with the PyPI package tzdata: iso3166.tab (countries), zone.tab (one row for each
zone of a country) and zone1970.tab (which countries' clocks have agreed since 1970).

    scripts/demo [--echo]                         a throw-away server of its own
    scripts/demo --dsn postgresql://host/name     any server; only gino_demo_* tables are touched
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import JSONB

from gino import Gino

JANUARY = datetime(2026, 1, 15)
WIDTH = 48

db = Gino()


class Country(db.Model):
    __tablename__ = "gino_demo_country"

    code = db.Column(db.Unicode(2), primary_key=True)
    name = db.Column(db.Unicode(), nullable=False, index=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.zones: list[Zone] = []

    def add_zone(self, zone: Zone) -> None:
        self.zones.append(zone)


class Zone(db.Model):
    __tablename__ = "gino_demo_zone"

    name = db.Column(db.Unicode(), primary_key=True)
    country_code = db.Column(db.ForeignKey(Country.code), nullable=False)
    latitude = db.Column(db.Float(), nullable=False)
    longitude = db.Column(db.Float(), nullable=False)
    comments = db.Column(db.Unicode())
    revision = db.Column(db.Integer(), nullable=False, server_default="1")
    profile = db.Column(JSONB(), nullable=False, server_default="{}")

    # These live inside profile.
    area = db.StringProperty()
    city = db.StringProperty()
    offset = db.IntegerProperty()  # minutes east of UTC in January
    shared_with = db.ArrayProperty()  # countries whose clocks agree since 1970


# ---- the data set --------------------------------------------------------------------------------


def table(file: str) -> Iterator[list[str]]:
    """Read the rows of one of tzdata's tables."""
    text = resources.files("tzdata.zoneinfo").joinpath(file).read_text(encoding="utf-8")
    return (line.split("\t") for line in text.splitlines() if line and line[0] != "#")


@cache
def countries() -> list[dict[str, Any]]:
    return [{"code": code, "name": name} for code, name in table("iso3166.tab")]


@cache
def zones() -> list[dict[str, Any]]:
    shared = {name: codes.split(",") for codes, _, name, *_ in table("zone1970.tab")}
    return [zone(shared, *row) for row in table("zone.tab")]


def zone(
    shared: dict[str, list[str]], code: str, position: str, name: str, comments: str | None = None
) -> dict[str, Any]:
    area, *_, city = name.split("/")
    latitude, longitude = (degrees(part) for part in re.findall(r"[+-]\d+", position))
    profile = {
        "area": area,
        "city": city.replace("_", " "),
        "offset": offset(name),
        "shared_with": [other for other in shared.get(name, ()) if other != code],
    }
    return {
        "name": name,
        "country_code": code,
        "latitude": latitude,
        "longitude": longitude,
        "comments": comments,
        "profile": profile,
    }


def degrees(text: str) -> float:
    """Convert ISO 6709: ±DDMM, ±DDDMM, ±DDMMSS or ±DDDMMSS."""
    sign, digits = -1 if text[0] == "-" else 1, text[1:]
    whole = 2 if len(digits) in (4, 6) else 3
    minutes, seconds = digits[whole : whole + 2], digits[whole + 2 :] or "0"
    return round(sign * (int(digits[:whole]) + int(minutes) / 60 + int(seconds) / 3600), 5)


def offset(name: str) -> int:
    with resources.files("tzdata.zoneinfo").joinpath(name).open("rb") as file:
        ahead = ZoneInfo.from_file(file, key=name).utcoffset(JANUARY)
    return round(ahead.total_seconds() / 60) if ahead else 0


# ---- the main job --------------------------------------------------------------------------------


async def read_tables() -> Iterable[Sequence[Any]]:
    """Read the tables of tzdata"""
    return [("countries", "zones"), (len(countries()), len(zones()))]


async def create_tables() -> None:
    """Create the tables in the database"""
    await db.gino.drop_all()
    await db.gino.create_all()


async def insert_all() -> Iterable[Sequence[Any]]:
    """Insert all countries and zones, in one transaction"""
    async with db.transaction():
        await Country.insert().gino.all(countries())
        await Zone.insert().gino.all(zones())
    found = [await db.func.count(key).gino.scalar() for key in (Country.code, Zone.name)]
    return [("countries", "zones"), found]


async def get_one() -> Iterable[Sequence[Any]]:
    """Get one zone and its country by key"""
    auckland = await Zone.get("Pacific/Auckland")
    country = await Country.get(auckland.country_code)
    header = ("zone", "country", "latitude", "longitude", "January", "shared with")
    shared = " ".join(auckland.shared_with)
    position = auckland.latitude, auckland.longitude
    return [header, (auckland.name, country.name, *position, clock(auckland.offset), shared)]


async def southernmost() -> Iterable[Sequence[Any]]:
    """Query with a filter and an order: the southernmost zones outside Antarctica"""
    query = Zone.query.where((Zone.latitude < -45) & (Zone.area != "Antarctica"))
    found = await query.order_by(Zone.latitude).limit(5).gino.all()
    return [("zone", "latitude", "comments"), *((z.name, z.latitude, z.comments) for z in found)]


async def odd_offsets() -> Iterable[Sequence[Any]]:
    """Join, loaded into objects: clocks that are not a whole number of hours from UTC"""
    query = Zone.load(country=Country).query.where(Zone.offset % 60 != 0)
    found = await query.order_by(Zone.offset, Zone.name).gino.all()
    return [
        ("January", "zone", "country"),
        *((clock(z.offset), z.name, z.country.name) for z in found),
    ]


async def most_zones() -> Iterable[Sequence[Any]]:
    """One to many: every country with its zones, distinct"""
    query = Country.outerjoin(Zone).select().order_by(Country.name, Zone.name)
    loader = Country.distinct(Country.code).load(add_zone=Zone)
    found = await query.gino.load(loader).all()
    most = sorted(found, key=lambda country: -len(country.zones))[:5]
    without = [country.name for country in found if not country.zones]
    return [
        ("country", "zones", "for example"),
        *((c.name, len(c.zones), ", ".join(z.city for z in c.zones[:3])) for c in most),
        ("(no zone)", len(without), ", ".join(without)),
    ]


async def update_one() -> Iterable[Sequence[Any]]:
    """Update with an expression: a new name inside the profile, revision + 1"""
    auckland = await Zone.get("Pacific/Auckland")
    await auckland.update(city="Tāmaki Makaurau", revision=Zone.revision + 1).apply()
    again = await Zone.get("Pacific/Auckland")
    return [
        ("", "city", "revision", "offset"),
        *((k, z.city, z.revision, z.offset) for k, z in [("here", auckland), ("there", again)]),
    ]


async def roll_back() -> Iterable[Sequence[Any]]:
    """Roll back a nested transaction: Atlantis rises, its zone sinks"""
    async with db.transaction():
        atlantis = await Country.create(code="XA", name="Atlantis")
        async with db.transaction() as nested:
            await Zone.create(
                name="Atlantic/Atlantis", country_code="XA", latitude=31.0, longitude=-24.0
            )
            inside = await count_atlantis()
            nested.raise_rollback()
        after = await count_atlantis()
    committed = await count_atlantis()
    await atlantis.delete()
    return [
        ("", "countries", "zones"),
        ("inside the nested block", *inside),
        ("after its rollback", *after),
        ("after the commit", *committed),
        ("after delete()", *await count_atlantis()),
    ]


async def count_atlantis() -> tuple[int, int]:
    found = [
        db.select([db.func.count()]).select_from(Country).where(Country.code == "XA"),
        db.select([db.func.count()]).select_from(Zone).where(Zone.country_code == "XA"),
    ]
    return (await found[0].gino.scalar(), await found[1].gino.scalar())


async def walk_east() -> Iterable[Sequence[Any]]:
    """Walk over all zones with a server-side cursor: the widest gaps from west to east"""
    gaps, before, seen = [], None, 0
    async with db.transaction():
        async for here in Zone.query.order_by(Zone.longitude, Zone.name).gino.iterate():
            if before is not None:
                gaps.append((round(here.longitude - before.longitude, 2), before.name, here.name))
            before, seen = here, seen + 1
    return [("degrees", "from", "to"), *sorted(gaps, reverse=True)[:3], (seen, "zones seen", "")]


async def by_area() -> Iterable[Sequence[Any]]:
    """Aggregate rows: zones by area"""
    area = Zone.area.label("area")
    query = (
        db.select(
            [
                area,
                db.func.count().label("zones"),
                db.func.count(db.distinct(Zone.country_code)).label("countries"),
                db.func.max(Zone.latitude).label("north"),
            ]
        )
        .group_by(area)
        .order_by(db.desc("zones"), area)
    )
    rows = await query.gino.all()
    return [
        ("area", "zones", "countries", "northernmost"),
        *((row.area, row["zones"], row.countries, row.north) for row in rows),
    ]


STEPS = [
    read_tables,
    create_tables,
    insert_all,
    get_one,
    southernmost,
    odd_offsets,
    most_zones,
    update_one,
    roll_back,
    walk_east,
    by_area,
]


# ---- what a person sees --------------------------------------------------------------------------


def clock(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


class OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return "    sql: " + " ".join(record.getMessage().split())


def show(rows: Iterable[Sequence[Any]]) -> None:
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    shorter = [[c if len(c) <= WIDTH else c[: WIDTH - 1] + "…" for c in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*shorter, strict=True)]
    for row in shorter:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(f"    {line}".rstrip())


async def main() -> None:
    parser = argparse.ArgumentParser(description="The tz database through GINO models.")
    parser.add_argument("--dsn", default="postgresql://localhost/postgres", help="the server")
    parser.add_argument("--echo", action="store_true", help="show the SQL of each step")
    arguments = parser.parse_args()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneLine())
    logging.basicConfig(handlers=[handler])

    began = time.perf_counter()
    async with db.with_bind(arguments.dsn, echo=arguments.echo, min_size=1, max_size=4):
        version = await db.scalar("SHOW server_version")
        print(f"GINO on PostgreSQL {version}: the tz database\n")
        try:
            for step in STEPS:
                print(f"{step.__doc__}")
                start = time.perf_counter()
                rows = await step()
                spent = time.perf_counter() - start
                show(rows or [])
                print(f"    ({spent * 1000:.1f} ms)\n")
        finally:
            await db.gino.drop_all()
    print(f"{len(STEPS)} steps in {time.perf_counter() - began:.2f} s; the tables are gone again.")


if __name__ == "__main__":
    from reach import reach

    reach(main())
