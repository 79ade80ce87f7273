//! A relation field holds what a loader gives.
//~ error: `Team` cannot be a relation field
//~ label: write Option<Box<Model>> for one, Vec<Model> for many
//~ at: team: Team,

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
    #[gino(relation)]
    team: Team,
}
