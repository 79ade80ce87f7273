//! A group of columns derives `Columns`.
//~ error: `Stamps` is not a group of columns
//~ label: add #[derive(Columns)] to it
//~ error: no function or associated item named `at` found for type `_`
//~ at: stamps: Stamps,

use gino::prelude::*;

static DB: Gino = Gino::new();

struct Stamps {
    created_at: i64,
}

#[derive(Model)]
#[gino(db = DB)]
struct Page {
    #[gino(primary_key)]
    id: i32,
    #[gino(flatten)]
    stamps: Stamps,
}
