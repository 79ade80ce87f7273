//! An option that there is not: the nearest is named.
//~ error: unknown option `primary` of a field (did you mean `primary_key`?)
//~ at: #[gino(primary)]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary)]
    id: i32,
}
