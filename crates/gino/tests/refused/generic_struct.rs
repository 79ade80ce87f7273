//! A table has one shape.
//~ error: derive(Model) takes no type parameters: a table has one shape, so write a struct for each
//~ at: struct User<T> {

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct User<T> {
    #[gino(primary_key)]
    id: T,
}
