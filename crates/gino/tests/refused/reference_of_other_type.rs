//! A foreign key whose column is of another type than its target.
//~ error: cannot refer to a column of `i32`
//~ label: both have to be of one type; `Option` of it, if it may be NULL
//~ at: team_id: String,

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB, table = "teams")]
struct Team {
    #[gino(primary_key)]
    id: i32,
    name: String,
}

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(references = Team::ID)]
    team_id: String,
}
