//! A column is compared with values of its type.
//~ error: `&str` does not go with a column of `i32`
//~ label: give a `i32`, or a column or expression of that type
//~ at: User::query().filter(User::ID.eq("one"))

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
}

fn found() -> impl Sized {
    User::query().filter(User::ID.eq("one"))
}
