//! Owns GINO's part: models, `get`, `create`, `update().apply()`, a query and a loader.

use std::time::Duration;

use chrono::{DateTime, Utc};
use gino::prelude::*;

use super::contestant::{self, Contestant, Outcome, POOL, plain};

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB, table = "gino_bench_users")]
pub struct User {
    #[gino(primary_key)]
    id: i32,
    nickname: String,
    email: String,
    age: i32,
    visits: i64,
    is_active: bool,
    created_at: DateTime<Utc>,
    #[gino(json)]
    profile: Json,
}

#[derive(Model)]
#[gino(db = DB, table = "gino_bench_teams")]
pub struct Team {
    #[gino(primary_key)]
    id: i32,
    name: String,
    #[gino(references = League::ID)]
    league_id: i32,
}

#[derive(Model)]
#[gino(db = DB, table = "gino_bench_leagues")]
pub struct League {
    #[gino(primary_key)]
    id: i32,
    name: String,
    #[gino(relation)]
    teams: Vec<Team>,
}

pub struct OfGino;

impl Contestant for OfGino {
    const NAME: &'static str = "gino";

    type Held = Connection;
    type User = User;
    type Team = Team;
    type League = League;

    async fn open(url: &str) -> Outcome<Self> {
        let url = format!("{url}?min_size={POOL}&max_size={POOL}");
        DB.set_bind(url).await?;
        Ok(OfGino)
    }

    async fn close(self) -> Outcome<()> {
        Ok(DB.pop_bind()?.close(Duration::from_secs(5)).await?)
    }

    async fn hold(&self) -> Outcome<Connection> {
        Ok(DB.acquire().await?)
    }

    async fn get(held: &mut Connection, key: i32) -> Outcome<User> {
        Ok(User::get(key).on(held).await?.ok_or("no such user")?)
    }

    async fn get_by_pool(&self, key: i32) -> Outcome<User> {
        Ok(User::get(key).await?.ok_or("no such user")?)
    }

    async fn load_users(held: &mut Connection) -> Outcome<Vec<User>> {
        Ok(User::query().on(held).all().await?)
    }

    async fn load_teams(held: &mut Connection) -> Outcome<Vec<Team>> {
        Ok(Team::query().on(held).all().await?)
    }

    async fn load_leagues(held: &mut Connection) -> Outcome<Vec<League>> {
        let loader = League::loader().teams(Team::loader());
        Ok(League::query().load(loader).on(held).all().await?)
    }

    async fn filtered(held: &mut Connection, age: i32) -> Outcome<Vec<User>> {
        let query = User::query()
            .filter(User::AGE.gt(age))
            .filter(User::IS_ACTIVE.eq(true))
            .order_by(User::ID)
            .limit(20);
        Ok(query.on(held).all().await?)
    }

    async fn create(held: &mut Connection, user: &contestant::User) -> Outcome<User> {
        let created = User::create()
            .nickname(&user.nickname)
            .email(&user.email)
            .age(user.age)
            .visits(user.visits)
            .is_active(user.is_active)
            .created_at(user.created_at)
            .profile(&user.profile);
        Ok(created.on(held).await?)
    }

    async fn update(held: &mut Connection, user: User, age: i32) -> Outcome<User> {
        Ok(user.update().age(age).on(held).apply().await?)
    }
}

impl From<User> for contestant::User {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            nickname: user.nickname,
            email: user.email,
            age: user.age,
            visits: user.visits,
            is_active: user.is_active,
            created_at: user.created_at,
            profile: user.profile.0,
        }
    }
}

plain!(Team => Team { id, name, league_id });

impl From<League> for contestant::League {
    fn from(league: League) -> Self {
        Self {
            id: league.id,
            name: league.name,
            teams: league.teams.into_iter().map(Into::into).collect(),
        }
    }
}
