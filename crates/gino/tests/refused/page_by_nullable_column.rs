//! Pages go on after a value, and NULL is none.
//~ error: pages cannot be ordered by `Option<i32>`, which may be NULL
//~ label: give columns that cannot be NULL: `User::ID`, `(Reverse(User::AGE), User::ID)`
//~ at: User::query().page(User::AGE, None, 10)

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    age: Option<i32>,
}

fn pages() -> impl Sized {
    User::query().page(User::AGE, None, 10)
}
