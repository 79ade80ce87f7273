//! A column is named by its constant.
//~ error: columns are constants, in capitals: write `ID` for `id`
//~ at: #[gino(references = User::id)]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(references = User::id)]
    boss: Option<i32>,
}
