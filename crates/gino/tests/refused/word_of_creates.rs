//! A setter that would hide a word of every create.
//~ error: `timeout` is a word of all creates and updates: name the field otherwise, and its column in #[gino(column = "…")]
//~ at: timeout: i32,

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    timeout: i32,
}
