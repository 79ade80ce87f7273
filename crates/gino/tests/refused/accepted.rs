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

pub fn run() -> impl Future<Output = gino::Result<Option<User>>> {
    let query = User::query().filter(User::NAME.eq("daisy"));
    query.load(User::loader().team(Team::loader())).first()
}
