//! The same of a relation.
//~ error: `on` is a word of all loaders: name the field otherwise
//~ at: on: Option<Box<User>>,

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(references = User::ID)]
    on_id: Option<i32>,
    #[gino(relation)]
    on: Option<Box<User>>,
}
