//! Rows are ordered by expressions.
//~ error: rows cannot be ordered by `&str`
//~ label: give a column, `User::ID`, `User::ID.desc()`, an expression, or a tuple of those
//~ at: User::query().order_by("id")

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
}

fn ordered() -> impl Sized {
    User::query().order_by("id")
}
