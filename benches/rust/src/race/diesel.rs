//! Owns what is written on diesel with diesel-async: its query language, `belonging_to` and
//! `grouped_by` for the children. Its pool is deadpool.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::contestant::{self, Contestant, Outcome, POOL, plain};

diesel::table! {
    gino_bench_users (id) {
        id -> Int4,
        nickname -> Text,
        email -> Text,
        age -> Int4,
        visits -> Int8,
        is_active -> Bool,
        created_at -> Timestamptz,
        profile -> Jsonb,
    }
}

diesel::table! {
    gino_bench_teams (id) {
        id -> Int4,
        name -> Text,
        league_id -> Int4,
    }
}

diesel::table! {
    gino_bench_leagues (id) {
        id -> Int4,
        name -> Text,
    }
}

diesel::joinable!(gino_bench_teams -> gino_bench_leagues (league_id));
diesel::allow_tables_to_appear_in_same_query!(gino_bench_teams, gino_bench_leagues);

#[derive(Queryable, Selectable)]
#[diesel(table_name = gino_bench_users, check_for_backend(diesel::pg::Pg))]
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

#[derive(Insertable)]
#[diesel(table_name = gino_bench_users)]
struct NewUser<'a> {
    nickname: &'a str,
    email: &'a str,
    age: i32,
    visits: i64,
    is_active: bool,
    created_at: DateTime<Utc>,
    profile: &'a Value,
}

#[derive(Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = gino_bench_teams, belongs_to(LeagueRow, foreign_key = league_id))]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct Team {
    id: i32,
    name: String,
    league_id: i32,
}

#[derive(Queryable, Selectable, Identifiable)]
#[diesel(table_name = gino_bench_leagues, check_for_backend(diesel::pg::Pg))]
pub struct LeagueRow {
    id: i32,
    name: String,
}

pub struct League(LeagueRow, Vec<Team>);

pub struct OfDiesel(Pool<AsyncPgConnection>);

type Held = Object<AsyncPgConnection>;

impl Contestant for OfDiesel {
    const NAME: &'static str = "diesel-async";

    type Held = Held;
    type User = User;
    type Team = Team;
    type League = League;

    async fn open(url: &str) -> Outcome<Self> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        Ok(Self(Pool::builder(manager).max_size(POOL).build()?))
    }

    async fn close(self) -> Outcome<()> {
        self.0.close();
        Ok(())
    }

    async fn hold(&self) -> Outcome<Held> {
        Ok(self.0.get().await?)
    }

    async fn get(held: &mut Held, key: i32) -> Outcome<User> {
        let query = gino_bench_users::table.find(key).select(User::as_select());
        Ok(query.first(held).await?)
    }

    async fn get_by_pool(&self, key: i32) -> Outcome<User> {
        let mut held = self.0.get().await?;
        Self::get(&mut held, key).await
    }

    async fn load_users(held: &mut Held) -> Outcome<Vec<User>> {
        let query = gino_bench_users::table.select(User::as_select());
        Ok(query.load(held).await?)
    }

    async fn load_teams(held: &mut Held) -> Outcome<Vec<Team>> {
        let query = gino_bench_teams::table.select(Team::as_select());
        Ok(query.load(held).await?)
    }

    async fn load_leagues(held: &mut Held) -> Outcome<Vec<League>> {
        let leagues = gino_bench_leagues::table.select(LeagueRow::as_select());
        let leagues: Vec<LeagueRow> = leagues.load(held).await?;
        let teams = Team::belonging_to(&leagues).select(Team::as_select());
        let teams: Vec<Team> = teams.load(held).await?;
        let teams = teams.grouped_by(&leagues);
        let both = leagues.into_iter().zip(teams);
        Ok(both.map(|(league, teams)| League(league, teams)).collect())
    }

    async fn filtered(held: &mut Held, age: i32) -> Outcome<Vec<User>> {
        let query = gino_bench_users::table
            .filter(gino_bench_users::age.gt(age))
            .filter(gino_bench_users::is_active.eq(true))
            .order_by(gino_bench_users::id)
            .limit(20)
            .select(User::as_select());
        Ok(query.load(held).await?)
    }

    async fn create(held: &mut Held, user: &contestant::User) -> Outcome<User> {
        let values = NewUser {
            nickname: &user.nickname,
            email: &user.email,
            age: user.age,
            visits: user.visits,
            is_active: user.is_active,
            created_at: user.created_at,
            profile: &user.profile,
        };
        let query = diesel::insert_into(gino_bench_users::table)
            .values(values)
            .returning(User::as_returning());
        Ok(query.get_result(held).await?)
    }

    async fn update(held: &mut Held, user: User, age: i32) -> Outcome<User> {
        let query = diesel::update(gino_bench_users::table.find(user.id))
            .set(gino_bench_users::age.eq(age))
            .returning(User::as_returning());
        Ok(query.get_result(held).await?)
    }
}

plain!(User => User { id, nickname, email, age, visits, is_active, created_at, profile });
plain!(Team => Team { id, name, league_id });

impl From<League> for contestant::League {
    fn from(League(league, teams): League) -> Self {
        Self {
            id: league.id,
            name: league.name,
            teams: teams.into_iter().map(Into::into).collect(),
        }
    }
}
