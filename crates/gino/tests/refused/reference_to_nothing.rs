//! A foreign key to a column that there is not.
//~ error: named `NUMBER` found for struct `Team`
//~ at: #[gino(references = Team::NUMBER)]

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
    #[gino(references = Team::NUMBER)]
    team_id: i32,
}
