//! A group brings a column that is there already.
//~ error: two columns of a model with #[gino(flatten)] have the same name: give one of them another, #[gino(column = "…")]
//~ at: #[derive(Model)]

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Columns)]
struct Stamps {
    created_at: std::time::SystemTime,
}

#[derive(Model)]
#[gino(db = DB)]
struct Page {
    #[gino(primary_key)]
    id: i32,
    created_at: i64,
    #[gino(flatten)]
    stamps: Stamps,
}
