//! A database is a `Gino`.
//~ error: mismatched types
//~ label: expected `&Gino`, found `&&str`
//~ at: #[gino(db = "users")]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = "users")]
struct User {
    #[gino(primary_key)]
    id: i32,
}
