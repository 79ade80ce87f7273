//! A row owns its values.
//~ error: derive(Model) takes no lifetimes: rows own their values, so write String for &str
//~ at: struct User<'a> {

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User<'a> {
    #[gino(primary_key)]
    id: i32,
    name: &'a str,
}
