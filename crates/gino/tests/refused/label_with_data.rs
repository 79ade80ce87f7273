//! A label is all that a variant has.
//~ error: `Sad` holds data, which a label cannot: keep the enum in a JSON column, #[gino(json)]
//~ at: Sad(u8),

use gino::prelude::*;

#[derive(GinoEnum)]
enum Mood {
    Happy,
    Sad(u8),
}
