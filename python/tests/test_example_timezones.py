"""The main example runs as a user runs it, and its figures are those of the tz database."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "python" / "timezones.py"


def rows(file: str) -> list[list[str]]:
    text = resources.files("tzdata.zoneinfo").joinpath(file).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture(scope="module")
def output(dsn: str) -> str:
    done = run("--dsn", dsn)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def section(output: str, title: str) -> list[list[str]]:
    """Cells of the table printed under a title."""
    block = next(part for part in output.split("\n\n") if part.startswith(title))
    return [re.split(r" {2,}", line.strip()) for line in block.splitlines()[1:-1]]


def test_all_countries_and_zones_are_inserted(output: str) -> None:
    expected = [str(len(rows("iso3166.tab"))), str(len(rows("zone.tab")))]
    assert section(output, "Insert")[1] == expected


def test_country_of_auckland_is_found_by_key(output: str) -> None:
    cells = section(output, "Get one")[1]
    assert cells[:2] == ["Pacific/Auckland", "New Zealand"]
    assert [float(cell) for cell in cells[2:4]] == pytest.approx([-36.86667, 174.76667])
    shared = next(row[0] for row in rows("zone1970.tab") if row[2] == "Pacific/Auckland")
    assert cells[4:] == ["+13:00", shared.replace(",", " ").removeprefix("NZ ")]


def test_southernmost_zones_come_in_order(output: str) -> None:
    found = section(output, "Query")[1:]
    latitudes = [float(row[1]) for row in found]
    assert latitudes == sorted(latitudes)
    far = {row[2] for row in rows("zone.tab") if int(row[1][:5]) < -4500}
    expected = {name for name in far if not name.startswith("Antarctica/")}
    assert {row[0] for row in found} <= expected
    assert len(found) == min(5, len(expected))


def test_joined_zones_carry_their_country(output: str) -> None:
    names = dict(rows("iso3166.tab"))
    homes = {row[2]: names[row[0]] for row in rows("zone.tab")}
    found = section(output, "Join")[1:]
    assert ["+05:45", "Asia/Kathmandu", "Nepal"] in found
    assert all(homes[zone] == country for _, zone, country in found)


def test_countries_with_most_zones_are_counted(output: str) -> None:
    names = dict(rows("iso3166.tab"))
    counts = Counter(names[row[0]] for row in rows("zone.tab"))
    found = {row[0]: int(row[1]) for row in section(output, "One to many")[1:]}
    without = found.pop("(no zone)")
    assert without == len(names) - len(counts)
    assert sorted(found.values(), reverse=True) == sorted(counts.values(), reverse=True)[:5]
    assert all(counts[country] == figure for country, figure in found.items())


def test_update_is_seen_in_memory_and_on_the_server(output: str) -> None:
    here, there = section(output, "Update")[1:]
    assert here[1:] == there[1:] == ["Tāmaki Makaurau", "2", "780"]


def test_nested_rollback_undoes_the_zone_only(output: str) -> None:
    found = [[int(cell) for cell in row[1:]] for row in section(output, "Roll back")[1:]]
    assert found == [[1, 1], [1, 0], [1, 0], [0, 0]]


def test_cursor_sees_every_zone(output: str) -> None:
    assert section(output, "Walk")[-1] == [str(len(rows("zone.tab"))), "zones seen"]


def test_areas_add_up(output: str) -> None:
    zones = Counter(row[2].partition("/")[0] for row in rows("zone.tab"))
    found = section(output, "Aggregate")[1:]
    assert {row[0]: int(row[1]) for row in found} == zones
    assert [int(row[1]) for row in found] == sorted(zones.values(), reverse=True)


def test_echo_shows_the_sql(dsn: str) -> None:
    done = run("--dsn", dsn, "--echo")
    assert done.returncode == 0, done.stderr
    assert "    sql: CREATE TABLE gino_demo_country ( code" in done.stdout
    assert "    sql: INSERT INTO gino_demo_zone (name" in done.stdout


def test_an_unreachable_server_is_one_clear_line() -> None:
    done = run("--dsn", "postgresql://localhost:1/nowhere")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
