//! A JSON property lives in a column.
//~ error: the property `age` lives in a JSON column `profile`, which is not a field here: add `#[gino(json, server_default = "{}")] profile: Json`
//~ at: #[gino(property(profile))]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(property(profile))]
    age: i64,
}
