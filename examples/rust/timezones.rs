//! The tz database in PostgreSQL, through GINO models: countries, and the time zones they keep. The
//! same job as `examples/python/timezones.py`, on the same tables: iso3166.tab (countries), zone.tab
//! (one row for each zone of a country) and zone1970.tab (which countries' clocks have agreed since
//! 1970).
//!
//! `cargo run -p gino --example timezones -- postgresql://localhost/postgres [/usr/share/zoneinfo]`
//!
//! Only gino_demo_* tables are touched, and they are gone again at the end.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::Instant;

use gino::prelude::*;
use gino::{Error, Result, func};
use serde_json::json;

static DB: Gino = Gino::new();

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "gino_demo_country")]
struct Country {
    #[gino(primary_key)]
    code: String,
    #[gino(index)]
    name: String,
    #[gino(relation)]
    zones: Vec<Zone>,
}

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "gino_demo_zone")]
struct Zone {
    #[gino(primary_key)]
    name: String,
    #[gino(references = Country::CODE)]
    country_code: String,
    latitude: f64,
    longitude: f64,
    comments: Option<String>,
    #[gino(server_default = 1)]
    revision: i32,
    #[gino(json, server_default = "{}")]
    profile: Json,

    // These live inside profile.
    #[gino(property(profile))]
    area: Option<String>,
    #[gino(property(profile))]
    city: Option<String>,
    /// Minutes east of UTC in January.
    #[gino(property(profile))]
    offset: Option<i64>,
    /// Countries whose clocks agree since 1970.
    #[gino(property(profile), default)]
    shared_with: Vec<String>,

    #[gino(relation)]
    country: Option<Box<Country>>,
}

// ---- the data set -------------------------------------------------------------------------------

/// The rows of one of the tables.
fn table(tzdata: &std::path::Path, file: &str) -> std::io::Result<Vec<Vec<String>>> {
    let text = std::fs::read_to_string(tzdata.join(file))?;
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let cells = |line: &str| line.split('\t').map(str::to_owned).collect();
    Ok(lines.map(cells).collect())
}

struct Tables {
    countries: Vec<(String, String)>,
    zones: Vec<ZoneRow>,
}

struct ZoneRow {
    code: String,
    name: String,
    latitude: f64,
    longitude: f64,
    comments: Option<String>,
    profile: serde_json::Value,
}

fn read(tzdata: &std::path::Path) -> Option<Tables> {
    let countries = table(tzdata, "iso3166.tab").ok()?;
    let countries = countries.iter().filter_map(|row| match row.as_slice() {
        [code, name, ..] => Some((code.clone(), name.clone())),
        _ => None,
    });
    let mut shared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in table(tzdata, "zone1970.tab").ok()? {
        if let [codes, _, name, ..] = row.as_slice() {
            let codes = codes.split(',').map(str::to_owned);
            shared.insert(name.clone(), codes.collect());
        }
    }
    let mut zones = Vec::new();
    for row in table(tzdata, "zone.tab").ok()? {
        let [code, position, name, rest @ ..] = row.as_slice() else {
            continue;
        };
        let split = position.rfind(['+', '-'])?;
        let (latitude, longitude) = position.split_at_checked(split)?;
        let (area, city) = (name.split('/').next()?, name.rsplit('/').next()?);
        let mut others = shared.get(name).cloned().unwrap_or_default();
        others.retain(|other| other != code);
        zones.push(ZoneRow {
            code: code.clone(),
            name: name.clone(),
            latitude: degrees(latitude)?,
            longitude: degrees(longitude)?,
            comments: rest.first().cloned(),
            profile: json!({
                "area": area,
                "city": city.replace('_', " "),
                "offset": offset(tzdata, name)?,
                "shared_with": others,
            }),
        });
    }
    Some(Tables {
        countries: countries.collect(),
        zones,
    })
}

/// ISO 6709: ±DDMM, ±DDDMM, ±DDMMSS or ±DDDMMSS.
fn degrees(text: &str) -> Option<f64> {
    let (sign, digits) = text.split_at_checked(1)?;
    let whole = if matches!(digits.len(), 4 | 6) { 2 } else { 3 };
    let (whole, rest) = digits.split_at_checked(whole)?;
    let (minutes, seconds) = rest.split_at_checked(2)?;
    let number = |digits: &str| digits.parse::<f64>().unwrap_or(0.0);
    let value = number(whole) + number(minutes) / 60.0 + number(seconds) / 3600.0;
    let value = if sign == "-" { -value } else { value };
    Some((value * 1e5).round() / 1e5)
}

/// Minutes east of UTC on 15 January 2026.
fn offset(tzdata: &std::path::Path, name: &str) -> Option<i64> {
    let bytes = std::fs::read(tzdata.join(name)).ok()?;
    let zone = jiff::tz::TimeZone::tzif(name, &bytes).ok()?;
    let january = jiff::civil::date(2026, 1, 15).at(0, 0, 0, 0);
    let ahead = january.to_zoned(zone).ok()?.offset();
    Some(i64::from(ahead.seconds()) / 60)
}

// ---- the main job -------------------------------------------------------------------------------

type Lines = Vec<Vec<String>>;

/// A line of cells.
macro_rules! line {
    ($($cell:expr),* $(,)?) => { vec![$($cell.to_string()),*] };
}

fn read_tables(tables: &Tables) -> Lines {
    let counts = line![tables.countries.len(), tables.zones.len()];
    vec![line!["countries", "zones"], counts]
}

async fn create_tables() -> Result<Lines> {
    DB.drop_all().await?;
    DB.create_all().await?;
    Ok(Lines::new())
}

async fn insert_all(tables: &Tables) -> Result<Lines> {
    DB.transaction(async |_| {
        let countries = tables.countries.iter();
        let countries = countries.map(|(code, name)| Country::create().code(code).name(name));
        Country::bulk_create(countries).await?;
        let zones = tables.zones.iter().map(|zone| {
            Zone::create()
                .name(&zone.name)
                .country_code(&zone.code)
                .latitude(zone.latitude)
                .longitude(zone.longitude)
                .comments(zone.comments.clone())
                .profile(zone.profile.clone())
        });
        Zone::copy_in(zones).await
    })
    .await?;
    let (countries, zones) = (
        Country::query().count().await?,
        Zone::query().count().await?,
    );
    Ok(vec![line!["countries", "zones"], line![countries, zones]])
}

async fn get_one() -> Result<Lines> {
    let auckland = auckland().await?;
    let country = Country::get(auckland.country_code.clone()).await?;
    let country = country.map_or_else(String::new, |country| country.name);
    let header = [
        "zone",
        "country",
        "latitude",
        "longitude",
        "January",
        "shared with",
    ];
    Ok(vec![
        header.map(str::to_owned).to_vec(),
        line![
            auckland.name,
            country,
            number(auckland.latitude),
            number(auckland.longitude),
            clock(auckland.offset),
            auckland.shared_with.join(" "),
        ],
    ])
}

async fn auckland() -> Result<Zone> {
    let found = Zone::get("Pacific/Auckland").await?;
    found.ok_or_else(|| gino::error::RowError::NoneFound.into())
}

async fn southernmost() -> Result<Lines> {
    let found = Zone::query()
        .filter(Zone::LATITUDE.lt(-45.0).and(Zone::AREA.ne("Antarctica")))
        .order_by(Zone::LATITUDE)
        .limit(5)
        .all()
        .await?;
    let mut lines = vec![line!["zone", "latitude", "comments"]];
    lines.extend(found.into_iter().map(|zone| {
        line![
            zone.name,
            number(zone.latitude),
            zone.comments.unwrap_or_default()
        ]
    }));
    Ok(lines)
}

async fn odd_offsets() -> Result<Lines> {
    let found = Zone::query()
        .load(Zone::loader().country(Country::loader()))
        .filter((Zone::OFFSET % 60).ne(0))
        .order_by((Zone::OFFSET, Zone::NAME))
        .all()
        .await?;
    let mut lines = vec![line!["January", "zone", "country"]];
    lines.extend(found.into_iter().map(|zone| {
        let country = zone
            .country
            .map_or_else(String::new, |country| country.name);
        line![clock(zone.offset), zone.name, country]
    }));
    Ok(lines)
}

async fn most_zones() -> Result<Lines> {
    let found = Country::query()
        .load(Country::loader().zones(Zone::loader()))
        .order_by((Country::NAME, Zone::NAME))
        .all()
        .await?;
    let mut most: Vec<&Country> = found.iter().collect();
    most.sort_by_key(|country| std::cmp::Reverse(country.zones.len()));
    let mut lines = vec![line!["country", "zones", "for example"]];
    for country in most.into_iter().take(5) {
        let cities = country
            .zones
            .iter()
            .take(3)
            .filter_map(|zone| zone.city.as_deref());
        let cities: Vec<&str> = cities.collect();
        lines.push(line![country.name, country.zones.len(), cities.join(", ")]);
    }
    let without = found.iter().filter(|country| country.zones.is_empty());
    let without: Vec<&str> = without.map(|country| country.name.as_str()).collect();
    lines.push(line!["(no zone)", without.len(), without.join(", ")]);
    Ok(lines)
}

async fn update_one() -> Result<Lines> {
    let auckland = auckland().await?;
    let here = auckland
        .update()
        .city("Tāmaki Makaurau")
        .revision(Zone::REVISION + 1)
        .apply()
        .await?;
    let there = self::auckland().await?;
    let mut lines = vec![line!["", "city", "revision", "offset"]];
    for (place, zone) in [("here", here), ("there", there)] {
        let (city, offset) = (
            zone.city.unwrap_or_default(),
            zone.offset.unwrap_or_default(),
        );
        lines.push(line![place, city, zone.revision, offset]);
    }
    Ok(lines)
}

async fn roll_back() -> Result<Lines> {
    let mut lines = vec![line!["", "countries", "zones"]];
    let atlantis = DB
        .transaction(async |_| {
            let atlantis = Country::create().code("XA").name("Atlantis").await?;
            let inside = DB
                .transaction(async |nested| {
                    Zone::create()
                        .name("Atlantic/Atlantis")
                        .country_code("XA")
                        .latitude(31.0)
                        .longitude(-24.0)
                        .await?;
                    let inside = count_atlantis("inside the nested block").await?;
                    nested.raise_rollback_with(inside.clone())?;
                    Ok::<_, Error>(inside)
                })
                .await?;
            let after = count_atlantis("after its rollback").await?;
            Ok::<_, Error>((atlantis, [inside, after]))
        })
        .await?;
    let (atlantis, seen) = atlantis;
    lines.extend(seen);
    lines.push(count_atlantis("after the commit").await?);
    atlantis.delete().await?;
    lines.push(count_atlantis("after delete()").await?);
    Ok(lines)
}

async fn count_atlantis(when: &str) -> Result<Vec<String>> {
    let countries = Country::query().filter(Country::CODE.eq("XA")).count();
    let zones = Zone::query().filter(Zone::COUNTRY_CODE.eq("XA")).count();
    Ok(line![when, countries.await?, zones.await?])
}

async fn walk_east() -> Result<Lines> {
    let (mut gaps, mut seen) = (Vec::new(), 0);
    DB.transaction(async |_| {
        let query = Zone::query().order_by((Zone::LONGITUDE, Zone::NAME));
        let mut zones = query.iterate().await?;
        let mut before: Option<Zone> = None;
        while let Some(here) = zones.next().await? {
            if let Some(before) = before {
                let gap = ((here.longitude - before.longitude) * 100.0).round() / 100.0;
                gaps.push((gap, before.name, here.name.clone()));
            }
            seen += 1;
            before = Some(here);
        }
        Ok::<_, Error>(())
    })
    .await?;
    gaps.sort_by(|one, other| other.partial_cmp(one).unwrap_or(std::cmp::Ordering::Equal));
    let mut lines = vec![line!["degrees", "from", "to"]];
    let widest = gaps.into_iter().take(3);
    lines.extend(widest.map(|(gap, from, to)| line![number(gap), from, to]));
    lines.push(line![seen, "zones seen", ""]);
    Ok(lines)
}

async fn by_area() -> Result<Lines> {
    let rows = Zone::select((
        Zone::AREA,
        func::count(),
        func::count_distinct(Zone::COUNTRY_CODE),
        func::max(Zone::LATITUDE),
    ))
    .group_by(Zone::AREA)
    .order_by((func::count().desc(), Zone::AREA))
    .all()
    .await?;
    let mut lines = vec![line!["area", "zones", "countries", "northernmost"]];
    lines.extend(rows.into_iter().map(|(area, zones, countries, north)| {
        line![
            area.unwrap_or_default(),
            zones,
            countries,
            north.map_or_else(String::new, number),
        ]
    }));
    Ok(lines)
}

// ---- what a person sees -------------------------------------------------------------------------

fn clock(minutes: Option<i64>) -> String {
    let minutes = minutes.unwrap_or_default();
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn number(value: f64) -> String {
    format!("{value:?}")
}

fn show(title: &str, start: Instant, lines: &Lines) {
    say(format_args!("{title}"));
    let short = |cell: &String| -> String {
        match cell.chars().count() > WIDTH {
            true => cell.chars().take(WIDTH - 1).chain(['…']).collect(),
            false => cell.clone(),
        }
    };
    let lines: Lines = lines
        .iter()
        .map(|line| line.iter().map(short).collect())
        .collect();
    let mut widths = Vec::new();
    for line in &lines {
        widths.resize(line.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in &lines {
        let cells = line.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        say(format_args!(
            "{}",
            format!("    {}", cells.join("  ")).trim_end()
        ));
    }
    let spent = start.elapsed().as_secs_f64() * 1000.0;
    say(format_args!("    ({spent:.1} ms)\n"));
}

const WIDTH: usize = 48;

fn say(words: std::fmt::Arguments<'_>) {
    // Nobody reads what a closed pipe refuses.
    let _ = writeln!(stdout(), "{words}");
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut given = std::env::args().skip(1);
    let url = given
        .next()
        .or_else(|| std::env::var("GINO_TEST_DSN").ok())
        .unwrap_or_else(|| "postgresql://localhost/postgres".to_owned());
    let tzdata = PathBuf::from(given.next().unwrap_or_else(|| "/usr/share/zoneinfo".into()));
    DB.with_bind(url, async || {
        let outcome = job(&tzdata).await;
        DB.drop_all().await?;
        outcome
    })
    .await
}

async fn job(tzdata: &std::path::Path) -> Result<()> {
    let began = Instant::now();
    let version: Option<String> = DB.scalar("SHOW server_version", &[]).await?;
    let version = version.unwrap_or_default();
    say(format_args!(
        "GINO on PostgreSQL {version}: the tz database\n"
    ));
    let start = Instant::now();
    let Some(tables) = read(tzdata) else {
        let reason = format!("there are no tables of tzdata in {}", tzdata.display());
        return Err(Error::from(gino::error::UsageError::Value(reason)));
    };
    show("Read the tables of tzdata", start, &read_tables(&tables));
    /// Runs a step and shows what it found.
    macro_rules! step {
        ($title:literal, $step:expr) => {{
            let start = Instant::now();
            let lines = $step.await?;
            show($title, start, &lines);
        }};
    }
    step!("Create the tables in the database", create_tables());
    step!(
        "Insert all countries and zones, in one transaction",
        insert_all(&tables)
    );
    step!("Get one zone and its country by key", get_one());
    step!(
        "Query with a filter and an order: the southernmost zones outside Antarctica",
        southernmost()
    );
    step!(
        "Join, loaded into objects: clocks that are not a whole number of hours from UTC",
        odd_offsets()
    );
    step!(
        "One to many: every country with its zones, distinct",
        most_zones()
    );
    step!(
        "Update with an expression: a new name inside the profile, revision + 1",
        update_one()
    );
    step!(
        "Roll back a nested transaction: Atlantis rises, its zone sinks",
        roll_back()
    );
    step!(
        "Walk over all zones with a server-side cursor: the widest gaps from west to east",
        walk_east()
    );
    step!("Aggregate rows: zones by area", by_area());
    let spent = began.elapsed().as_secs_f64();
    say(format_args!(
        "11 steps in {spent:.2} s; the tables are gone again."
    ));
    Ok(())
}
