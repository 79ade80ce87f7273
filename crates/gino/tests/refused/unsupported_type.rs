//! A field whose type no column holds.
//~ error: a column cannot hold `Settings`
//~ label: no SQL type is known for this
//~ at: settings: Settings,
//~ note: implement `ToSql` and `FromSql` and name the SQL type: `gino::sql_type!(Settings, "…");`
//~ note: a serde type goes into a JSON column with `#[gino(json)]`, what a loader fills is `#[gino(relation)]`, an enumeration derives `GinoEnum`

use gino::prelude::*;

static DB: Gino = Gino::new();

struct Settings;

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    settings: Settings,
}
