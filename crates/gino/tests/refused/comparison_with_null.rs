//! NULL is asked for by its own word.
//~ error: does not go with a column of `i32`
//~ note: nothing is equal to NULL: ask for it by `.is_null()`
//~ at: User::query().filter(User::AGE.eq(None))

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    age: Option<i32>,
}

fn ageless() -> impl Sized {
    User::query().filter(User::AGE.eq(None))
}
