//! What a relation holds is a model.
//~ error: `Team` is not a model
//~ label: add #[derive(Model)] to it
//~ at: team: Option<Box<Team>>,

use gino::prelude::*;

static DB: Gino = Gino::new();

struct Team;

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(relation)]
    team: Option<Box<Team>>,
}
