//! Two fields are one column.
//~ error: `nickname` and `name` are both the column "name": give one of them another, #[gino(column = "…")]
//~ at: name: String,

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(column = "name")]
    nickname: String,
    name: String,
}
