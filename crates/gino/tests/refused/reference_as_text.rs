//! The same, in quotes.
//~ error: write the column's constant: references = Team::ID
//~ at: #[gino(references = "users.id")]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(references = "users.id")]
    boss: Option<i32>,
}
