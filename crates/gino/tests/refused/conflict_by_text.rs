//! What may conflict is named by columns.
//~ error: `&str` does not name columns of `User`
//~ label: give a column, `User::NAME`, or a tuple of columns
//~ at: User::bulk_upsert("name", [User::create()])

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
}

fn stored() -> impl Sized {
    User::bulk_upsert("name", [User::create()])
}
