//! Owns what a careful hand writes on tokio-postgres: statements prepared ahead, rows mapped by
//! position. Its pool is deadpool-postgres.

use std::collections::HashMap;

use deadpool_postgres::{Manager, Object, Pool};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row, Statement};

use super::contestant::{Contestant, League, Outcome, POOL, Team, User};

const GET: &str = "SELECT id, nickname, email, age, visits, is_active, created_at, profile \
     FROM gino_bench_users WHERE id = $1";
const USERS: &str = "SELECT id, nickname, email, age, visits, is_active, created_at, profile \
     FROM gino_bench_users";
const TEAMS: &str = "SELECT id, name, league_id FROM gino_bench_teams";
const LEAGUES: &str = "SELECT l.id, l.name, t.id, t.name, t.league_id \
     FROM gino_bench_leagues l LEFT JOIN gino_bench_teams t ON t.league_id = l.id";
const FILTERED: &str = "SELECT id, nickname, email, age, visits, is_active, created_at, profile \
     FROM gino_bench_users WHERE age > $1 AND is_active = $2 ORDER BY id LIMIT 20";
const CREATE: &str = "INSERT INTO gino_bench_users \
     (nickname, email, age, visits, is_active, created_at, profile) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) \
     RETURNING id, nickname, email, age, visits, is_active, created_at, profile";
const UPDATE: &str = "UPDATE gino_bench_users SET age = $1 WHERE id = $2 \
     RETURNING id, nickname, email, age, visits, is_active, created_at, profile";

pub struct OfTokioPostgres(Pool);

pub struct Held {
    client: Object,
    get: Statement,
    users: Statement,
    teams: Statement,
    leagues: Statement,
    filtered: Statement,
    create: Statement,
    update: Statement,
}

impl Contestant for OfTokioPostgres {
    const NAME: &'static str = "tokio-postgres";

    type Held = Held;
    type User = User;
    type Team = Team;
    type League = League;

    async fn open(url: &str) -> Outcome<Self> {
        let manager = Manager::new(url.parse()?, NoTls);
        Ok(Self(Pool::builder(manager).max_size(POOL).build()?))
    }

    async fn close(self) -> Outcome<()> {
        self.0.close();
        Ok(())
    }

    async fn hold(&self) -> Outcome<Held> {
        let client = self.0.get().await?;
        Ok(Held {
            get: client.prepare_cached(GET).await?,
            users: client.prepare_cached(USERS).await?,
            teams: client.prepare_cached(TEAMS).await?,
            leagues: client.prepare_cached(LEAGUES).await?,
            filtered: client.prepare_cached(FILTERED).await?,
            create: client.prepare_cached(CREATE).await?,
            update: client.prepare_cached(UPDATE).await?,
            client,
        })
    }

    async fn get(held: &mut Held, key: i32) -> Outcome<User> {
        user(&held.client.query_one(&held.get, &[&key]).await?)
    }

    async fn get_by_pool(&self, key: i32) -> Outcome<User> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(GET).await?;
        user(&client.query_one(&statement, &[&key]).await?)
    }

    async fn load_users(held: &mut Held) -> Outcome<Vec<User>> {
        let rows = held.client.query(&held.users, &[]).await?;
        rows.iter().map(user).collect()
    }

    async fn load_teams(held: &mut Held) -> Outcome<Vec<Team>> {
        let rows = held.client.query(&held.teams, &[]).await?;
        rows.iter().map(|row| team(row, 0)).collect()
    }

    async fn load_leagues(held: &mut Held) -> Outcome<Vec<League>> {
        let mut leagues: Vec<League> = Vec::new();
        let mut places = HashMap::new();
        for row in held.client.query(&held.leagues, &[]).await? {
            let id: i32 = row.try_get(0)?;
            let place = *places.entry(id).or_insert(leagues.len());
            if place == leagues.len() {
                leagues.push(League {
                    id,
                    name: row.try_get(1)?,
                    teams: Vec::new(),
                });
            }
            if row.try_get::<_, Option<i32>>(2)?.is_some() {
                leagues[place].teams.push(team(&row, 2)?);
            }
        }
        Ok(leagues)
    }

    async fn filtered(held: &mut Held, age: i32) -> Outcome<Vec<User>> {
        let rows = held.client.query(&held.filtered, &[&age, &true]).await?;
        rows.iter().map(user).collect()
    }

    async fn create(held: &mut Held, new: &User) -> Outcome<User> {
        let values: [&(dyn ToSql + Sync); 7] = [
            &new.nickname,
            &new.email,
            &new.age,
            &new.visits,
            &new.is_active,
            &new.created_at,
            &new.profile,
        ];
        user(&held.client.query_one(&held.create, &values).await?)
    }

    async fn update(held: &mut Held, old: User, age: i32) -> Outcome<User> {
        user(
            &held
                .client
                .query_one(&held.update, &[&age, &old.id])
                .await?,
        )
    }
}

fn user(row: &Row) -> Outcome<User> {
    Ok(User {
        id: row.try_get(0)?,
        nickname: row.try_get(1)?,
        email: row.try_get(2)?,
        age: row.try_get(3)?,
        visits: row.try_get(4)?,
        is_active: row.try_get(5)?,
        created_at: row.try_get(6)?,
        profile: row.try_get(7)?,
    })
}

fn team(row: &Row, at: usize) -> Outcome<Team> {
    Ok(Team {
        id: row.try_get(at)?,
        name: row.try_get(at + 1)?,
        league_id: row.try_get(at + 2)?,
    })
}
