//! A table between two others that knows one of them only.
//~ error: evaluation panicked: `teams` of `User`: the table between the two needs a foreign key to each of them
//~ at: #[gino(relation(through = Membership))]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB, table = "teams")]
struct Team {
    #[gino(primary_key)]
    id: i32,
}

#[derive(Model)]
#[gino(db = DB)]
struct Membership {
    #[gino(primary_key, references = Team::ID)]
    team_id: i32,
    #[gino(primary_key)]
    user_id: i32,
}

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(relation(through = Membership))]
    teams: Vec<Team>,
}
