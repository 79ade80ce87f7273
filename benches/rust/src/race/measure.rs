//! Owns measuring and printing. All contestants have to come to the same values before anything is
//! timed; both figures of a ratio are of one round, since what else the machine does hits them alike.

use std::pin::Pin;
use std::sync::Arc;

use ::tokio_postgres::{Client, NoTls};

use super::contestant::{Contestant, League, Outcome, Team, User};
use super::diesel::OfDiesel;
use super::gino::OfGino;
use super::sea_orm::OfSeaOrm;
use super::sqlx::OfSqlx;
use super::tokio_postgres::OfTokioPostgres;
use super::workload::{LEAGUES, ROWS, Spent, Workload, new_user};

/// What a contestant came to, step by step.
type Seen = Vec<(&'static str, String)>;
type Later<'a, T> = Pin<Box<dyn Future<Output = Outcome<T>> + Send + 'a>>;

/// A contestant of whatever kind.
trait Racer: Send + Sync {
    fn name(&self) -> &'static str;
    fn seen(&self) -> Later<'_, Seen>;
    fn time(&self, workload: Workload) -> Later<'_, Spent>;
    fn close(self: Box<Self>) -> Later<'static, ()>;
}

impl<C: Contestant> Racer for Arc<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn seen(&self) -> Later<'_, Seen> {
        Box::pin(seen(self.as_ref()))
    }

    fn time(&self, workload: Workload) -> Later<'_, Spent> {
        Box::pin(workload.time(self))
    }

    fn close(self: Box<Self>) -> Later<'static, ()> {
        Box::pin(async {
            match Arc::into_inner(*self) {
                Some(contestant) => contestant.close().await,
                None => Err("a contestant is still at work".into()),
            }
        })
    }
}

type Racers = Vec<Box<dyn Racer>>;

/// After so many rounds all contestants connect anew: what a connection happens to have, the places of
/// its memory and the server process that answers it, moves a figure by a percent or two.
const ROUNDS_OF_A_CONNECTION: usize = 5;

/// Runs `rounds` rounds of `workloads` on the server at `url` and prints a table.
pub async fn run(url: String, rounds: usize, workloads: Vec<Workload>, title: &str) -> Outcome<()> {
    let (admin, connection) = ::tokio_postgres::connect(&url, NoTls).await?;
    let driver = tokio::spawn(connection);
    admin.batch_execute(&tables()).await?;
    let mut racers = open(&url).await?;
    verify(&racers, &admin).await?;
    let mut times = vec![vec![Vec::new(); racers.len()]; workloads.len()];
    for round in 0..rounds {
        if round % ROUNDS_OF_A_CONNECTION == 0 {
            close(racers).await?;
            racers = open(&url).await?;
            // The first round of a connection is not counted.
            lap(&racers, &admin, &workloads, round).await?;
        }
        let spent = lap(&racers, &admin, &workloads, round).await?;
        for (times, spent) in times.iter_mut().zip(spent) {
            times
                .iter_mut()
                .zip(spent)
                .for_each(|(all, one)| all.push(one));
        }
        if round % 10 == 0 {
            eprintln!("bench: {title}, round {round} of {rounds}");
        }
    }
    let names: Vec<&str> = racers.iter().map(|racer| racer.name()).collect();
    let wall = "how many times as fast gino is";
    report(
        &format!("{title}: {wall}"),
        &names,
        &workloads,
        &times,
        |spent| spent.wall,
    );
    let cpu = "how many times as much processor time the others take";
    report(
        &format!("{title}: {cpu}"),
        &names,
        &workloads,
        &times,
        |spent| spent.cpu,
    );
    close(racers).await?;
    let drop = "DROP TABLE gino_bench_users, gino_bench_teams, gino_bench_leagues";
    admin.batch_execute(drop).await?;
    driver.abort();
    Ok(())
}

async fn open(url: &str) -> Outcome<Racers> {
    Ok(vec![
        Box::new(Arc::new(OfGino::open(url).await?)),
        Box::new(Arc::new(OfTokioPostgres::open(url).await?)),
        Box::new(Arc::new(OfSqlx::open(url).await?)),
        Box::new(Arc::new(OfSeaOrm::open(url).await?)),
        Box::new(Arc::new(OfDiesel::open(url).await?)),
    ])
}

async fn close(racers: Racers) -> Outcome<()> {
    for racer in racers {
        racer.close().await?;
    }
    Ok(())
}

/// What each contestant spends on each workload, one after the other.
async fn lap(
    racers: &Racers,
    admin: &Client,
    workloads: &[Workload],
    round: usize,
) -> Outcome<Vec<Vec<Spent>>> {
    let mut all = Vec::with_capacity(workloads.len());
    for workload in workloads {
        let mut spent = vec![Spent::default(); racers.len()];
        for turn in 0..racers.len() {
            // Nobody is always the first.
            let place = (turn + round) % racers.len();
            spent[place] = racers[place].time(*workload).await?;
            if workload.writes() {
                clean(admin).await?;
            }
        }
        all.push(spent);
    }
    Ok(all)
}

async fn verify(racers: &[Box<dyn Racer>], admin: &Client) -> Outcome<()> {
    let mut first: Option<Seen> = None;
    for racer in racers {
        let seen = racer.seen().await?;
        clean(admin).await?;
        for (ours, theirs) in first.get_or_insert_with(|| seen.clone()).iter().zip(&seen) {
            if ours != theirs {
                let (name, step) = (racer.name(), theirs.0);
                return Err(format!("{name} comes to another result of {step}").into());
            }
        }
    }
    Ok(())
}

async fn seen<C: Contestant>(contestant: &C) -> Outcome<Seen> {
    let held = &mut contestant.hold().await?;
    let mut users: Vec<User> = plain(C::load_users(held).await?);
    users.sort_by_key(|user| user.id);
    let mut teams: Vec<Team> = plain(C::load_teams(held).await?);
    teams.sort_by_key(|team| team.id);
    let mut leagues: Vec<League> = plain(C::load_leagues(held).await?);
    leagues.sort_by_key(|league| league.id);
    for league in &mut leagues {
        league.teams.sort_by_key(|team| team.id);
    }
    let got: User = C::get(held, 17).await?.into();
    let by_pool: User = contestant.get_by_pool(4321).await?.into();
    let filtered: Vec<User> = plain(C::filtered(held, 30).await?);
    let mut created: User = C::create(held, &new_user()).await?.into();
    created.id = 0;
    let old = C::get(held, 5).await?;
    let updated: User = C::update(held, old, 41).await?.into();
    Ok(vec![
        ("get", format!("{got:?}")),
        ("get by pool", format!("{by_pool:?}")),
        ("load of users", format!("{users:?}")),
        ("load of teams", format!("{teams:?}")),
        ("load of leagues", format!("{leagues:?}")),
        ("built query", format!("{filtered:?}")),
        ("create", format!("{created:?}")),
        ("update", format!("{updated:?}")),
    ])
}

fn plain<P, T: Into<P>>(items: Vec<T>) -> Vec<P> {
    items.into_iter().map(Into::into).collect()
}

/// Makes the users what they were.
async fn clean(admin: &Client) -> Outcome<()> {
    let delete = format!("DELETE FROM gino_bench_users WHERE id > {ROWS}");
    admin.batch_execute(&delete).await?;
    admin
        .batch_execute("UPDATE gino_bench_users SET age = id WHERE id IN (1, 5)")
        .await?;
    Ok(admin.batch_execute("VACUUM gino_bench_users").await?)
}

fn tables() -> String {
    format!(
        "DROP TABLE IF EXISTS gino_bench_users, gino_bench_teams, gino_bench_leagues;
         CREATE TABLE gino_bench_users (
             id serial PRIMARY KEY, nickname text NOT NULL, email text NOT NULL,
             age integer NOT NULL, visits bigint NOT NULL, is_active boolean NOT NULL,
             created_at timestamptz NOT NULL, profile jsonb NOT NULL
         );
         INSERT INTO gino_bench_users
             (nickname, email, age, visits, is_active, created_at, profile)
         SELECT 'user ' || i, 'user' || i || '@example.org', i % 90, i * 1000003::bigint, i % 3 = 0,
             timestamptz '2026-01-01 00:00:00.123456+00' + i * interval '977 seconds',
             jsonb_build_object('city', 'city ' || i % 50, 'level', i % 7,
                 'tags', array['a', 'b', 'c'], 'ratio', i / 8.0, 'active', i % 2 = 0)
         FROM generate_series(1, {ROWS}) i;
         CREATE TABLE gino_bench_leagues (id integer PRIMARY KEY, name text NOT NULL);
         INSERT INTO gino_bench_leagues SELECT i, 'league ' || i FROM generate_series(1, {LEAGUES}) i;
         CREATE TABLE gino_bench_teams (
             id integer PRIMARY KEY, name text NOT NULL,
             league_id integer NOT NULL REFERENCES gino_bench_leagues
         );
         INSERT INTO gino_bench_teams
         SELECT i, 'team ' || i, 1 + i % {LEAGUES} FROM generate_series(1, {ROWS}) i;
         ANALYZE gino_bench_users, gino_bench_teams, gino_bench_leagues;"
    )
}

fn report(
    title: &str,
    names: &[&str],
    workloads: &[Workload],
    times: &[Vec<Vec<Spent>>],
    figure: fn(&Spent) -> f64,
) {
    println!("\n{title} (its own time for orientation)\n");
    let peers: String = names[1..]
        .iter()
        .map(|name| format!(" {name:>14} |"))
        .collect();
    println!(
        "| {:<27} | {:>9} |{peers} target: 1.00 x of each |",
        "workload", names[0]
    );
    println!("|{}", "---|".repeat(names.len() + 2));
    for (workload, times) in workloads.iter().zip(times) {
        let times: Vec<Vec<f64>> = times
            .iter()
            .map(|spent| spent.iter().map(figure).collect())
            .collect();
        let (own, others) = (&times[0], &times[1..]);
        let ratios = others
            .iter()
            .map(|theirs| median(theirs.iter().zip(own).map(|(theirs, ours)| theirs / ours)));
        let ratios: Vec<f64> = ratios.collect();
        let cells: String = ratios
            .iter()
            .map(|ratio| format!(" {ratio:>12.2} x |"))
            .collect();
        let missed: Vec<&str> = names[1..]
            .iter()
            .zip(&ratios)
            .filter_map(|(name, ratio)| (*ratio < 1.0).then_some(*name))
            .collect();
        let target = match missed.is_empty() {
            true => "met".to_owned(),
            false => format!("missed: {}", missed.join(", ")),
        };
        let typical = median(own.iter().copied());
        let time = match typical < 1e-3 {
            true => format!("{:.1} µs", typical * 1e6),
            false => format!("{:.1} ms", typical * 1e3),
        };
        println!("| {:<27} | {time:>9} |{cells} {target} |", workload.title());
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        1 => figures[middle],
        _ => (figures[middle - 1] + figures[middle]) / 2.0,
    }
}
