//! The control: a model with a bit of everything. Nothing is said about it.

use gino::prelude::*;

pub static DB: Gino = Gino::new();

#[derive(Columns)]
pub struct Stamps {
    #[gino(server_default = sql("now()"))]
    created_at: std::time::SystemTime,
}

#[derive(Model)]
#[gino(db = DB, table = "teams")]
pub struct Team {
    #[gino(primary_key)]
    id: i32,
    name: String,
    #[gino(relation)]
    members: Vec<User>,
    #[gino(relation(through = Seat))]
    guests: Vec<User>,
    #[gino(relation(by_loader))]
    lines: Vec<LogLine>,
}

#[derive(Model)]
#[gino(db = DB, schema = "hall", foreign_key(columns(team_id), references(Team::ID)))]
pub struct Seat {
    #[gino(primary_key)]
    team_id: i32,
    #[gino(primary_key, references = User::ID)]
    user_id: i32,
    #[gino(relation)]
    user: Option<Box<User>>,
}

#[derive(Model)]
#[gino(db = DB)]
pub struct LogLine {
    #[gino(references = User::ID)]
    user_id: i32,
    text: String,
}

#[derive(Model)]
#[gino(db = DB, table = "users", unique(name, team_id))]
pub struct User {
    #[gino(primary_key)]
    id: i32,
    name: String,
    #[gino(references = Team::ID)]
    team_id: Option<i32>,
    #[gino(relation)]
    team: Option<Box<Team>>,
    #[gino(flatten)]
    stamps: Stamps,
}

/// Names that the derive uses itself.
#[derive(Model)]
#[gino(db = DB)]
pub struct Entry {
    #[gino(primary_key)]
    id: i64,
    #[gino(default = 1)]
    at: i32,
    record: String,
    draft: Option<bool>,
    fresh: i32,
    value: i32,
    key: String,
    table: String,
    r#type: String,
    loader: Json,
    #[gino(property(loader), default = 3)]
    db: i32,
    #[gino(flatten)]
    more: More,
}

#[derive(Columns)]
pub struct More {
    #[gino(column = "more_at", default = 2)]
    at: i32,
    #[gino(column = "more_record")]
    record: String,
}

pub fn run() -> impl Future<Output = gino::Result<Option<User>>> {
    let query = User::query().filter(User::NAME.eq("daisy"));
    query.load(User::loader().team(Team::loader())).first()
}
