//! A model says which database it is in.
//~ error: `User` has no database: add #[gino(db = DB)], where DB is a `static DB: Gino`
//~ at: struct User {

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
struct User {
    #[gino(primary_key)]
    id: i32,
}
