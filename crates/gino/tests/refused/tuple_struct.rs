//! Columns have names.
//~ error: derive(Model) is for a struct with named fields: `struct User { … }`
//~ at: struct User(i32, String);

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User(i32, String);
