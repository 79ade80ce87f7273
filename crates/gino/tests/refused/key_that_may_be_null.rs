//! A primary key is never NULL.
//~ error: `id` is part of the primary key, which is never NULL: write `id: i32`; a create need not set what the server fills in
//~ at: id: Option<i32>,

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: Option<i32>,
}
