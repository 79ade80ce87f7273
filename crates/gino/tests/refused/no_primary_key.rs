//! A row of a model without a key cannot be found by one.
//~ error: this model has no primary key
//~ label: mark the fields that tell rows apart with #[gino(primary_key)]
//~ at: line.delete()

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB)]
struct LogLine {
    text: String,
}

fn forget(line: &LogLine) -> gino::Delete<LogLine> {
    line.delete()
}
