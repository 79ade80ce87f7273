//! Owns what is written on sqlx: `query_as` with `FromRow`, `QueryBuilder` for the built query.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPoolOptions;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};

use super::contestant::{self, Contestant, League, Outcome, POOL, plain};

const GET: &str = "SELECT id, nickname, email, age, visits, is_active, created_at, profile \
     FROM gino_bench_users WHERE id = $1";

#[derive(FromRow)]
pub struct User {
    id: i32,
    nickname: String,
    email: String,
    age: i32,
    visits: i64,
    is_active: bool,
    created_at: DateTime<Utc>,
    profile: Value,
}

#[derive(FromRow)]
pub struct Team {
    id: i32,
    name: String,
    league_id: i32,
}

/// A row of the join.
#[derive(FromRow)]
struct Joined {
    id: i32,
    name: String,
    team_id: Option<i32>,
    team_name: Option<String>,
}

pub struct OfSqlx(PgPool);

type Held = PoolConnection<Postgres>;

impl Contestant for OfSqlx {
    const NAME: &'static str = "sqlx";

    type Held = Held;
    type User = User;
    type Team = Team;
    type League = League;

    async fn open(url: &str) -> Outcome<Self> {
        let options = PgPoolOptions::new()
            .max_connections(POOL as u32)
            .test_before_acquire(false);
        Ok(Self(options.connect(url).await?))
    }

    async fn close(self) -> Outcome<()> {
        self.0.close().await;
        Ok(())
    }

    async fn hold(&self) -> Outcome<Held> {
        Ok(self.0.acquire().await?)
    }

    async fn get(held: &mut Held, key: i32) -> Outcome<User> {
        Ok(sqlx::query_as(GET).bind(key).fetch_one(&mut **held).await?)
    }

    async fn get_by_pool(&self, key: i32) -> Outcome<User> {
        Ok(sqlx::query_as(GET).bind(key).fetch_one(&self.0).await?)
    }

    async fn load_users(held: &mut Held) -> Outcome<Vec<User>> {
        let sql = "SELECT id, nickname, email, age, visits, is_active, created_at, profile \
             FROM gino_bench_users";
        Ok(sqlx::query_as(sql).fetch_all(&mut **held).await?)
    }

    async fn load_teams(held: &mut Held) -> Outcome<Vec<Team>> {
        let sql = "SELECT id, name, league_id FROM gino_bench_teams";
        Ok(sqlx::query_as(sql).fetch_all(&mut **held).await?)
    }

    async fn load_leagues(held: &mut Held) -> Outcome<Vec<League>> {
        let sql = "SELECT l.id, l.name, t.id AS team_id, t.name AS team_name \
             FROM gino_bench_leagues l LEFT JOIN gino_bench_teams t ON t.league_id = l.id";
        let rows: Vec<Joined> = sqlx::query_as(sql).fetch_all(&mut **held).await?;
        let mut leagues: Vec<League> = Vec::new();
        let mut places = HashMap::new();
        for row in rows {
            let place = *places.entry(row.id).or_insert(leagues.len());
            if place == leagues.len() {
                leagues.push(League {
                    id: row.id,
                    name: row.name,
                    teams: Vec::new(),
                });
            }
            if let (Some(id), Some(name)) = (row.team_id, row.team_name) {
                leagues[place].teams.push(contestant::Team {
                    id,
                    name,
                    league_id: row.id,
                });
            }
        }
        Ok(leagues)
    }

    async fn filtered(held: &mut Held, age: i32) -> Outcome<Vec<User>> {
        let mut query = QueryBuilder::new(
            "SELECT id, nickname, email, age, visits, is_active, created_at, profile \
             FROM gino_bench_users WHERE age > ",
        );
        query.push_bind(age).push(" AND is_active = ");
        query.push_bind(true).push(" ORDER BY id LIMIT ");
        query.push_bind(20_i64);
        Ok(query.build_query_as().fetch_all(&mut **held).await?)
    }

    async fn create(held: &mut Held, user: &contestant::User) -> Outcome<User> {
        let sql = "INSERT INTO gino_bench_users \
             (nickname, email, age, visits, is_active, created_at, profile) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             RETURNING id, nickname, email, age, visits, is_active, created_at, profile";
        let query = sqlx::query_as(sql)
            .bind(&user.nickname)
            .bind(&user.email)
            .bind(user.age)
            .bind(user.visits)
            .bind(user.is_active)
            .bind(user.created_at)
            .bind(&user.profile);
        Ok(query.fetch_one(&mut **held).await?)
    }

    async fn update(held: &mut Held, user: User, age: i32) -> Outcome<User> {
        let sql = "UPDATE gino_bench_users SET age = $1 WHERE id = $2 \
             RETURNING id, nickname, email, age, visits, is_active, created_at, profile";
        let query = sqlx::query_as(sql).bind(age).bind(user.id);
        Ok(query.fetch_one(&mut **held).await?)
    }
}

plain!(User => User { id, nickname, email, age, visits, is_active, created_at, profile });
plain!(Team => Team { id, name, league_id });
