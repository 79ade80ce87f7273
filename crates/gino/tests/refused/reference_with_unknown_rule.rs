//! What a foreign key can do when its target changes.
//~ error: write "cascade", "restrict", "set null", "set default" or "no action"
//~ at: #[gino(references(Team::ID, on_delete = "explode"))]

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
    #[gino(references(Team::ID, on_delete = "explode"))]
    team_id: i32,
}
