//! Owns what is compared: the work to do, and the plain values that all have to come to.
//! Never measures.

use std::error::Error;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Connections in each pool.
pub const POOL: usize = 10;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A row of eight columns, a `timestamptz` and a `jsonb` among them.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    pub id: i32,
    pub nickname: String,
    pub email: String,
    pub age: i32,
    pub visits: i64,
    pub is_active: bool,
    pub created_at: DateTime<Utc>,
    pub profile: Value,
}

/// A row of three columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    pub id: i32,
    pub name: String,
    pub league_id: i32,
}

/// A parent with its children.
#[derive(Debug, Clone, PartialEq)]
pub struct League {
    pub id: i32,
    pub name: String,
    pub teams: Vec<Team>,
}

/// A library at its best: a pool of [`POOL`] connections that are not tested before each use,
/// statements prepared once. What it loads is of its own types.
pub trait Contestant: Sized + Send + Sync + 'static {
    const NAME: &'static str;

    /// A connection for all the work of one task.
    type Held: Send;
    type User: Into<User> + Send + Sync;
    type Team: Into<Team> + Send;
    type League: Into<League> + Send;

    fn open(url: &str) -> impl Future<Output = Outcome<Self>> + Send;

    fn close(self) -> impl Future<Output = Outcome<()>> + Send;

    fn hold(&self) -> impl Future<Output = Outcome<Self::Held>> + Send;

    fn get(held: &mut Self::Held, key: i32) -> impl Future<Output = Outcome<Self::User>> + Send;

    /// The same on whatever connection of the pool.
    fn get_by_pool(&self, key: i32) -> impl Future<Output = Outcome<Self::User>> + Send;

    fn load_users(held: &mut Self::Held) -> impl Future<Output = Outcome<Vec<Self::User>>> + Send;

    fn load_teams(held: &mut Self::Held) -> impl Future<Output = Outcome<Vec<Self::Team>>> + Send;

    /// All leagues with their teams.
    fn load_leagues(
        held: &mut Self::Held,
    ) -> impl Future<Output = Outcome<Vec<Self::League>>> + Send;

    /// Twenty active users older than `age`, by a query that is built each time (fixed SQL, where
    /// there is nothing that builds).
    fn filtered(
        held: &mut Self::Held,
        age: i32,
    ) -> impl Future<Output = Outcome<Vec<Self::User>>> + Send;

    /// Inserts `user`, its key aside, and gives the row that the server made of it.
    fn create(
        held: &mut Self::Held,
        user: &User,
    ) -> impl Future<Output = Outcome<Self::User>> + Send;

    /// Changes the age of `user`, and gives the row as it is then.
    fn update(
        held: &mut Self::Held,
        user: Self::User,
        age: i32,
    ) -> impl Future<Output = Outcome<Self::User>> + Send;
}

/// Makes plain values of a contestant's own, whose fields go by the same names.
macro_rules! plain {
    ($own:ty => $plain:ident { $($field:ident),* }) => {
        impl From<$own> for crate::race::contestant::$plain {
            fn from(own: $own) -> Self {
                Self { $($field: own.$field.into()),* }
            }
        }
    };
}

pub(crate) use plain;
