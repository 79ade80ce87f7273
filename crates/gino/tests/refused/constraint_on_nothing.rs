//! A constraint on a field that there is not.
//~ error: `nickname` is not a field with a column here; there are: id, name
//~ at: #[gino(db = DB, unique(id, nickname))]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB, unique(id, nickname))]
struct User {
    #[gino(primary_key)]
    id: i32,
    name: String,
}
