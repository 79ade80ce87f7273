//! A relation between tables that no foreign key ties together.
//~ error: evaluation panicked: `team` of `User`: neither of the two tables has a foreign key to the other: add #[gino(references = …)] to a field of either, or write #[gino(relation(through = …))] with the model of a table between them, or #[gino(relation(by_loader))] if each loader says what it is joined on
//~ at: team: Option<Box<Team>>,

use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model)]
#[gino(db = DB, table = "teams")]
struct Team {
    #[gino(primary_key)]
    id: i32,
}

#[derive(Model)]
#[gino(db = DB)]
struct User {
    #[gino(primary_key)]
    id: i32,
    team_id: Option<i32>,
    #[gino(relation)]
    team: Option<Box<Team>>,
}
