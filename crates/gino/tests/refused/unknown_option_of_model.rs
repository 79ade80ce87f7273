//! The same of the whole struct.
//~ error: unknown option `tabel` of a model (did you mean `table`?)
//~ at: #[gino(db = DB, tabel = "users")]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB, tabel = "users")]
struct User {
    #[gino(primary_key)]
    id: i32,
}
