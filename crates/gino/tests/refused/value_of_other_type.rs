//! A column is set to values of its type.
//~ error: cannot be set to `i32`
//~ label: String`, or a column or expression of that type
//~ at: User::create().name(5_i32)

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    name: String,
}

fn made() -> impl Sized {
    User::create().name(5_i32)
}
